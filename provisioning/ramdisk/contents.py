"""What is in the ramdisk: Debian's packages, the programs out of them, the kernel's modules."""

KERNEL = "linux-image-amd64"
"""Debian's kernel for any machine. The one for clouds boots a second sooner but has no driver for the disks and network
cards of real servers (AHCI, SAS, ixgbe, ice, bnxt), and a drive that is not seen is a drive that is not erased."""

STUB = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"
BUSYBOX = "bin/busybox"
CERTIFICATES = "usr/share/ca-certificates/mozilla"

PROGRAMS: dict[str, tuple[str, ...]] = {
    "busybox-static": (BUSYBOX,),
    "coreutils": ("bin/dd", "usr/bin/sha256sum"),  # busybox's dd cannot end on half a block with O_DIRECT
    "curl": ("usr/bin/curl",),
    "diffutils": ("usr/bin/cmp",),  # busybox's stops at 2 GiB
    "dosfstools": ("sbin/mkfs.fat", "sbin/fsck.fat"),
    "dropbear-bin": ("usr/sbin/dropbear", "usr/bin/dropbearconvert", "usr/bin/dropbearkey"),
    "e2fsprogs": ("sbin/e2fsck", "sbin/resize2fs"),
    "jq": ("usr/bin/jq",),
    "nvme-cli": ("usr/sbin/nvme",),
    "perl-base": ("usr/bin/perl",),
    "util-linux": ("sbin/blkdiscard", "sbin/blkid", "bin/lsblk"),
    "zstd": ("usr/bin/zstd",),
}
"""Package to what of it is needed; the libraries that these want come with them."""

PERL_MODULES = ("strict.pm", "warnings.pm")
PERL_FOLDER = "usr/lib/x86_64-linux-gnu/perl-base"

PACKAGES = (KERNEL, *PROGRAMS, "ca-certificates", "systemd-boot-efi")

MODULES: tuple[str, ...] = (
    # Drives. Intel's VMD hides NVMe drives behind itself.
    *("nvme", "ahci", "sd_mod", "mpt3sas", "megaraid_sas", "vmd", "virtio_blk", "virtio_scsi"),
    # Network cards
    *("virtio_net", "e1000e", "igb", "igc", "ixgbe", "i40e", "ice", "bnxt_en", "tg3", "mlx4_en", "mlx5_core"),
    # Buses of virtual machines
    "virtio_pci",
    # The file system of the seed, with the character sets that it asks for
    *("vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1"),
    # The file system of most systems, for those who repair one; its checksums are computed by a module of their own
    *("ext4", "crc32c_generic"),
    # What the firmware tells of itself and of the memory
    "dmi-sysfs",
)
"""What is loaded besides what the kernel has built in; what a module needs comes with it."""
