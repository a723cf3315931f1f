"""From Debian's packages to ``debian-12.raw.zst``."""

from pathlib import Path

from provisioning.artefacts import debian, published
from provisioning.artefacts.files import digest_of
from provisioning.artefacts.programs import run
from provisioning.artefacts.terminal import Builder
from provisioning.osimage import contents, layout, rootfs

FILE = f"{contents.SLUG}.raw.zst"
DESCRIPTION = f"{contents.SLUG}.json"
LOADER = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"


def disk(scratch: Path, sources: debian.Sources) -> Path:
    """Return the whole disk. Raises BuildFailed."""
    archive, raw = scratch / "root.tar", scratch / "disk.raw"
    rootfs.install(archive, sources)
    loader, kernel = (rootfs.take(archive, pattern, scratch) for pattern in (LOADER, "boot/vmlinuz-*"))
    parts = [
        layout.Partition("esp", "ef00", layout.boot_partition(loader, kernel, scratch)),
        layout.Partition("cidata", "0700", layout.seed_partition(scratch)),
        layout.Partition("root", "8304", rootfs.pack(archive, scratch)),
    ]
    layout.write(parts, raw)
    return raw


def make(scratch: Path, out: Path, sources: debian.Sources, inputs: str) -> None:
    """Build the image and the JSON beside it in ``out``. Raises BuildFailed."""
    raw, part = disk(scratch, sources), scratch / (FILE + ".part")
    run("zstd", "-q", "-9", "-T0", raw, "-o", part)
    facts = {
        "slug": contents.SLUG,
        "name": contents.NAME,
        "version": contents.VERSION,
        "default_user": contents.DEFAULT_USER,
        "file_name": FILE,
        "encoding": "zstd",
        "disk_bytes": raw.stat().st_size,
        "disk_sha256": digest_of(raw),
        "inputs": inputs,
    }
    published.publish(part, out / FILE, out / DESCRIPTION, facts)


BUILDER = Builder(
    module="provisioning.osimage",
    summary="Build the OS image from Debian packages.",
    folder=Path(__file__).parent,
    artefact=FILE,
    description=DESCRIPTION,
    programs=("mmdebstrap", "mke2fs", "mkfs.vfat", "mmd", "mcopy", "sgdisk", "tar", "zstd"),
    make=make,
)
