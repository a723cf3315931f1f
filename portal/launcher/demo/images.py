"""OS image files: small stand-ins with a readable header and a payload without a single zero byte."""

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

from portal.catalog.models import OSImage
from portal.catalog.services.adding import add_image
from portal.core.actors import SYSTEM

HEADER_BYTES = 4096
MAGIC = "METALYARD-IMAGE"
PAYLOAD_BYTES = 8 * 1024 * 1024
FAST_PAYLOAD_BYTES = 1024 * 1024


@dataclass(frozen=True)
class System:
    """An operating system on offer."""

    slug: str
    name: str
    version: str
    default_user: str


BUILT = "debian-12-vm"
"""Slug of the image that virtual machines are given; no stand-in file is ever written for it."""

SYSTEMS = (
    System("ubuntu-24-04", "Ubuntu 24.04 LTS", "24.04.3", "ubuntu"),
    System("ubuntu-24-04-cuda", "Ubuntu 24.04 LTS, CUDA", "24.04.3 CUDA 13.0", "ubuntu"),
    System("ubuntu-24-04-rocm", "Ubuntu 24.04 LTS, ROCm", "24.04.3 ROCm 7.0", "ubuntu"),
    System("debian-12", "Debian 12", "12.12", "debian"),
    System("rocky-9", "Rocky Linux 9", "9.6", "rocky"),
)


def content(system: System, payload_bytes: int) -> bytes:
    """Return the image file of ``system``: the same bytes on every machine, none of the payload's bytes zero."""
    header = {
        "magic": MAGIC,
        "os": system.name,
        "version": system.version,
        "default_user": system.default_user,
    }
    source = random.Random(system.slug)  # noqa: S311  (filler, not a secret)
    payload = source.randbytes(payload_bytes).replace(b"\0", b"\x01")
    return json.dumps(header).encode().ljust(HEADER_BYTES) + payload


def seed_images(*, fast: bool) -> None:
    """Enter every system in the catalogue that it lacks."""
    known = set(OSImage.objects.values_list("slug", flat=True))
    for system in SYSTEMS:
        if system.slug in known:
            continue
        data = content(system, FAST_PAYLOAD_BYTES if fast else PAYLOAD_BYTES)
        size, digest = len(data), hashlib.sha256(data).hexdigest()
        OSImage.objects.create(
            slug=system.slug,
            name=system.name,
            version=system.version,
            default_user=system.default_user,
            file_name=f"{system.slug}.img",
            size_bytes=size,
            sha256=digest,
            disk_bytes=size,
            disk_sha256=digest,
        )


def seed_built_image(folder: Path) -> None:
    """Enter the image that ``python -m provisioning.osimage`` has built in ``folder``. Raises OSError, InvalidInput."""
    description = (folder / "debian-12.json").read_bytes()
    add_image(actor=SYSTEM, description=description, signature=None, folder=folder, slug=BUILT)


def renew_built_image(folder: Path) -> None:
    """Let the catalogue say what is in ``folder`` where the image was built anew since. Raises OSError."""
    told = json.loads((folder / "debian-12.json").read_text())
    facts = {name: told[name] for name in ("size_bytes", "sha256", "disk_bytes", "disk_sha256")}
    OSImage.objects.filter(slug=BUILT).exclude(sha256=facts["sha256"]).update(**facts)


def ensure_files(folder: Path) -> None:
    """Write the image files that the catalogue names and the folder lacks (or holds with another size)."""
    folder.mkdir(parents=True, exist_ok=True)
    by_slug = {system.slug: system for system in SYSTEMS}
    for image in OSImage.objects.filter(slug__in=by_slug):
        path = folder / image.file_name
        if path.exists() and path.stat().st_size == image.size_bytes:
            continue
        partial = path.with_suffix(".partial")
        partial.write_bytes(content(by_slug[image.slug], image.size_bytes - HEADER_BYTES))
        partial.replace(path)
