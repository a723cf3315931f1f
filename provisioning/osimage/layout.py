"""The disk: partition table, boot partition, the seed's partition, and the root last, so that it can grow."""

from dataclasses import dataclass
from pathlib import Path

from provisioning.artefacts.files import stretch
from provisioning.artefacts.programs import run

MIB = 1 << 20
SECTOR = 512
ESP_MIB = 48
"""Room for two kernels, for upgrades; less is no FAT32, which some firmware insists on."""
SEED_MIB = 4
CHUNK = 4 * MIB
DISK_ID = "6d657461-6c79-4172-8d00-646562313200"
ROOT_NUMBER = 3


def id_of(number: int) -> str:
    """Return the GUID of a partition: the same in each build, the loader's entry names it."""
    return DISK_ID.replace("-8d00-", f"-8d{number:02d}-")


COMMAND_LINE = f"root=PARTUUID={id_of(ROOT_NUMBER)} rw console=tty0 console=ttyS0,115200n8 systemd.gpt_auto=0"


@dataclass(frozen=True)
class Partition:
    """One partition: name, type in sgdisk's four digits, and the file with its content."""

    name: str
    kind: str
    content: Path


def write(partitions: list[Partition], target: Path) -> None:
    """Write a disk of the partitions, one after the other, each at a whole MiB. Raises BuildFailed."""
    table, places, start = [f"--disk-guid={DISK_ID}"], [], 1
    for number, partition in enumerate(partitions, start=1):
        size = -(-partition.content.stat().st_size // MIB)
        table += [f"--new={number}:{start * MIB // SECTOR}:+{size}M", f"--typecode={number}:{partition.kind}"]
        table += [f"--change-name={number}:{partition.name}"]
        table += [f"--partition-guid={number}:{id_of(number)}"]
        places.append(start * MIB)
        start += size
    stretch(target, (start + 1) * MIB)
    run("sgdisk", "--clear", "--set-alignment=1", *table, target)
    for partition, place in zip(partitions, places, strict=True):
        _copy(partition.content, target, place)


def _copy(content: Path, target: Path, place: int) -> None:
    """Copy a file into another one; what is zero there stays a hole here."""
    with content.open("rb") as source, target.open("r+b") as disk:
        while piece := source.read(CHUNK):
            if piece.strip(b"\0"):
                disk.seek(place)
                disk.write(piece)
            place += len(piece)


def boot_partition(loader: Path, kernel: Path, scratch: Path) -> Path:
    """Return a FAT file system with systemd-boot and the kernel, which starts at once. Raises BuildFailed."""
    image = scratch / "esp.img"
    stretch(image, ESP_MIB * MIB)
    run("mkfs.vfat", "-F", "32", "-s", "1", "-i", "4d455441", "-n", "ESP", image)
    entry = f"title Debian\nlinux /vmlinuz\noptions {COMMAND_LINE}\n"
    files = {"loader/loader.conf": "timeout 0\neditor no\n", "loader/entries/debian.conf": entry}
    run("mmd", "-i", image, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
    for name, text in files.items():
        path = scratch / Path(name).name
        path.write_text(text, encoding="ascii")
        run("mcopy", "-i", image, path, f"::{name}")
    run("mcopy", "-i", image, loader, "::EFI/BOOT/BOOTX64.EFI")
    run("mcopy", "-i", image, kernel, "::vmlinuz")
    return image


def seed_partition(scratch: Path) -> Path:
    """Return an empty FAT file system with the label that cloud-init looks for. Raises BuildFailed."""
    image = scratch / "cidata.img"
    stretch(image, SEED_MIB * MIB)
    run("mkfs.vfat", "-i", "4d455442", "-n", "cidata", image)
    return image
