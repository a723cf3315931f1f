"""From Debian's packages to ``deploy.iso``."""

import shutil
from pathlib import Path

from provisioning.artefacts import debian, published
from provisioning.artefacts.programs import run
from provisioning.artefacts.terminal import Builder
from provisioning.ramdisk import contents, cpio, medium, tree

ISO = "deploy.iso"
DESCRIPTION = "deploy.iso.json"


def initramfs(stage: Path, scratch: Path) -> Path:
    """Return the compressed ramdisk. Raises BuildFailed."""
    root, archive, packed = scratch / "root", scratch / "ramdisk.cpio", scratch / "ramdisk.cpio.zst"
    tree.build(stage, root)
    with archive.open("wb") as file:
        cpio.write(root, file, debian.EPOCH)
    run("zstd", "-q", "-15", archive, "-o", packed)
    return packed


def make(scratch: Path, out: Path, sources: debian.Sources, inputs: str) -> None:
    """Build the ISO and the JSON beside it in ``out``. Raises BuildFailed."""
    stage = scratch / "stage"
    debian.build_tree(stage, contents.PACKAGES, sources, variant="extract")
    kernel = debian.only(stage, "boot/vmlinuz-*")
    efi = medium.program(stage / contents.STUB, kernel, initramfs(stage, scratch), scratch)
    part = scratch / (ISO + ".part")
    medium.hybrid(medium.system_partition(efi, scratch), part, scratch)
    facts = {
        "placeholder_offset": medium.place_of(part),
        "placeholder_bytes": len(medium.PLACEHOLDER),
        "kernel": kernel.name.removeprefix("vmlinuz-"),
        "inputs": inputs,
    }
    published.publish(part, out / ISO, out / DESCRIPTION, facts)
    shutil.rmtree(stage, ignore_errors=True)


BUILDER = Builder(
    module="provisioning.ramdisk",
    summary="Build the deploy ramdisk's boot medium from Debian packages.",
    folder=Path(__file__).parent,
    artefact=ISO,
    description=DESCRIPTION,
    programs=("mmdebstrap", "objcopy", "objdump", "zstd", "mkfs.vfat", "mmd", "mcopy", "xorriso"),
    make=make,
)
