"""The boot medium of one boot: the template with the address of that boot's job written into it.

It is a file, so that its bytes leave by sendfile, and it is there only as long as the boot has not begun its job.
"""

import json
import logging
import os
import shutil
import tempfile
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import models

from portal.core import clock
from portal.core.errors import NotFound
from portal.operations.models import BootPurpose, BootToken
from portal.operations.states import OPEN_OPERATION, OPEN_PART

log = logging.getLogger(__name__)

TEMPLATE = "deploy.iso"
MAKING_S = 600
MARK = b"METALYARD-BOOT-PLACEHOLDER"
_PURPOSES = tuple(set(BootPurpose) - {BootPurpose.FIRST_BOOT})


def medium_of(token: str) -> Path:
    """Return the file of the boot medium of ``token``; made when it is not there.

    Raises NotFound when that token's boot is none that may still begin, or there is nothing to make a medium of.
    """
    digest = sha256(token.encode()).hexdigest()
    if not _waiting().filter(token_sha256=digest).exists():
        raise NotFound("There is no such boot medium.")
    path = _folder() / f"{digest}.iso"
    if not path.exists():
        try:
            _make(path, _lines(token))
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("no boot medium can be made: %s", error)
            raise NotFound("No boot medium can be made here.") from None
    return path


def sweep_media() -> int:
    """Remove the media of boots that have begun, ended or run out; return how many there were."""
    if not _folder().is_dir():
        return 0
    kept = {f"{digest}.iso" for digest in _waiting().values_list("token_sha256", flat=True)}
    gone = [path for path in _folder().iterdir() if path.name not in kept and not _is_being_made(path)]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _waiting() -> "models.QuerySet[BootToken]":
    """Return the boots that may still begin their job."""
    return BootToken.objects.filter(
        purpose__in=_PURPOSES,
        opened_at=None,
        reported_at=None,
        revoked_at=None,
        expires_at__gt=clock.now(),
        part__state__in=OPEN_PART,
        part__operation__state__in=OPEN_OPERATION,
    )


def _folder() -> Path:
    return Path(settings.METALYARD_MEDIA_DIR) / "boots"


def _is_being_made(path: Path) -> bool:
    """Tell whether a file may still be written: what is unfinished and older was left by a process that died."""
    try:
        return path.suffix == ".part" and clock.now().timestamp() - path.stat().st_mtime < MAKING_S
    except FileNotFoundError:
        return False


def _lines(token: str) -> bytes:
    lines = f"BOOT_URL={settings.METALYARD_AGENT_URL}/agent/v1/boot/{token}\n".encode()
    authority = ca_pem()
    if authority:
        lines += b"CA_PEM_BASE64=" + b64encode(authority.encode()) + b"\n"
    return lines


def ca_pem() -> str:
    """Return the certificate of whoever signed the portal's own; empty where everybody trusts it. Raises OSError."""
    path: str = settings.METALYARD_AGENT_CA_FILE
    return Path(path).read_text(encoding="ascii") if path else ""


def _make(path: Path, lines: bytes) -> None:
    """Write a medium with these lines. Raises OSError, ValueError, KeyError, TypeError."""
    template = Path(settings.METALYARD_MEDIA_DIR) / TEMPLATE
    told = json.loads(template.with_name(TEMPLATE + ".json").read_text(encoding="utf-8"))
    place, room = int(told["placeholder_offset"]), int(told["placeholder_bytes"])
    if len(lines) > room:
        raise ValueError(f"what a boot is told has {len(lines)} bytes, the medium room for {room}")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # mkstemp: mode 0600, and a name of its own for each of several requests at a time.
    handle, name = tempfile.mkstemp(suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "r+b") as file, template.open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)
            file.seek(place)
            if file.read(len(MARK)) != MARK:
                raise ValueError(f"{template} has no placeholder at {place}")
            file.seek(place)
            file.write(lines.ljust(room, b"\n"))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
