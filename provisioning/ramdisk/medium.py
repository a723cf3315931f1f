"""The boot medium: one EFI program of kernel, command line and ramdisk, on an ISO that boots as CD and as disk.

What differs from boot to boot is one block of the ISO. It is a file beside the EFI program, and systemd's stub hands
such files to the kernel with the ramdisk: the medium needs no driver, whatever virtual CD or disk the BMC shows it as,
and the program could be signed once for all boots.
https://www.freedesktop.org/software/systemd/man/252/systemd-stub.html
"""

import mmap
from pathlib import Path

from provisioning.artefacts.files import stretch
from provisioning.artefacts.programs import BuildFailed, run

PLACEHOLDER = b"METALYARD-BOOT-PLACEHOLDER".ljust(4096, b"\n")
SECTOR = 2048
MIB = 1 << 20
COMMAND_LINE = "console=tty0 console=ttyS0,115200n8 loglevel=4 panic=10"
OS_RELEASE = 'ID=metalyard-deploy\nNAME="Metalyard deploy ramdisk"\nPRETTY_NAME="Metalyard deploy ramdisk"\n'
PROGRAM = "EFI/BOOT/BOOTX64.EFI"
SECTIONS = {".osrel": 0x20000, ".cmdline": 0x30000, ".linux": 0x2000000, ".initrd": 0x3000000}
"""Section of the EFI program to the address where it is loaded; the stub itself ends below the first."""


def program(stub: Path, kernel: Path, ramdisk: Path, scratch: Path) -> Path:
    """Join stub, kernel, command line and ramdisk into one EFI program. Raises BuildFailed."""
    if SECTIONS[".linux"] + kernel.stat().st_size > SECTIONS[".initrd"]:
        raise BuildFailed(f"the kernel has {kernel.stat().st_size} bytes, more than its place in the EFI program")
    texts = {".osrel": OS_RELEASE, ".cmdline": COMMAND_LINE}
    files = {".linux": kernel, ".initrd": ramdisk}
    for section, text in texts.items():
        files[section] = scratch / section.lstrip(".")
        files[section].write_text(text, encoding="ascii")
    arguments = []
    for section, address in SECTIONS.items():
        arguments += ["--add-section", f"{section}={files[section]}"]
        arguments += ["--change-section-vma", f"{section}={address:#x}"]
    joined = scratch / "boot.efi"
    run("objcopy", *arguments, stub, joined)
    return joined


def system_partition(efi: Path, scratch: Path) -> Path:
    """Return a FAT file system with the EFI program and the placeholder. Raises BuildFailed."""
    image, placeholder = scratch / "esp.img", scratch / "boot.cred"
    placeholder.write_bytes(PLACEHOLDER)
    stretch(image, (efi.stat().st_size // MIB + 2) * MIB)
    # Clusters of a CD's sector, so that the placeholder begins where one does.
    run("mkfs.vfat", "-F", "16", "-s", str(SECTOR // 512), "-R", "4", "-i", "4d455441", "-n", "DEPLOY", image)
    run("mmd", "-i", image, "::EFI", "::EFI/BOOT", f"::{PROGRAM}.extra.d")
    run("mcopy", "-i", image, placeholder, f"::{PROGRAM}.extra.d/boot.cred")
    run("mcopy", "-i", image, efi, f"::{PROGRAM}")
    return image


def hybrid(partition: Path, target: Path, scratch: Path) -> None:
    """Write the ISO: the FAT file system as El Torito image and as partition. Raises BuildFailed."""
    content = scratch / "content"
    content.mkdir()
    (content / "README.TXT").write_text("Boot medium of Metalyard for one boot of one server.\n", encoding="ascii")
    appended = ("-append_partition", "2", "0xef", partition, "-appended_part_as_gpt")
    boot = ("-e", "--interval:appended_partition_2:all::", "-no-emul-boot")
    run("xorriso", "-as", "mkisofs", "-quiet", "-V", "METALYARD", *appended, *boot, "-o", target, content)


def place_of(iso: Path) -> int:
    """Return where the placeholder begins. Raises BuildFailed unless it is there just once, at a sector's start."""
    with iso.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = data.find(PLACEHOLDER)
        if place < 0 or data.find(PLACEHOLDER, place + 1) >= 0 or place % SECTOR:
            raise BuildFailed(f"the placeholder is not once at the start of a sector of the ISO (found at {place})")
    return place
