"""Customers' own images: fetched by a process without rights (``fetch_child``), then put among the image files."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.catalog.models import ImageImport
from portal.catalog.services import images
from portal.catalog.services.images import Fetched
from portal.catalog.states import FETCH_LIMIT
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from provisioning import fetch_child

log = logging.getLogger(__name__)

GRACE_S = 30
"""What the child has beyond its own time limit before it is killed."""


def fetch_image(import_pk: int) -> None:
    """Fetch the image of an import that waits; do nothing when it does not."""
    row = images.begin_import(actor=SYSTEM, import_pk=import_pk)
    if row is None:
        return
    folder: Path = settings.METALYARD_IMAGE_DIR
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{row.public_id}.part"
    try:
        answer = _answer_of(row, partial)
        if not answer.get("ok"):
            images.fail_import(
                actor=SYSTEM,
                import_pk=row.pk,
                code=str(answer.get("code", "interrupted")),
                detail=str(answer.get("detail", "")),
            )
            return
        name = f"{row.public_id}.img{'.zst' if answer['encoding'] == 'zstd' else ''}"
        partial.chmod(0o644)
        partial.replace(folder / name)
        _keep(row, Fetched(name, **{key: value for key, value in answer.items() if key != "ok"}), folder / name)
    finally:
        partial.unlink(missing_ok=True)


def _keep(row: ImageImport, fetched: Fetched, path: Path) -> None:
    try:
        images.finish_import(actor=SYSTEM, import_pk=row.pk, fetched=fetched)
    except StateConflict as error:
        log.warning("%s", error.detail)
        path.unlink(missing_ok=True)


def _answer_of(row: ImageImport, partial: Path) -> dict[str, Any]:
    """Run the child and return its answer; one of our own when it has none that makes sense."""
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    wanted = {
        "handle": handle,
        "url": row.url,
        "sha256": row.sha256,
        "most_bytes": settings.METALYARD_IMPORT_MOST_BYTES,
        "most_disk_bytes": settings.METALYARD_IMPORT_MOST_DISK_BYTES,
        "limit_s": FETCH_LIMIT.total_seconds(),
        "networks": settings.METALYARD_IMPORT_NETWORKS,
        "ca_file": settings.METALYARD_IMPORT_CA_FILE,
    }
    try:
        return _run(json.dumps(wanted), handle)
    finally:
        os.close(handle)


def _run(asked: str, handle: int) -> dict[str, Any]:
    child = subprocess.Popen(
        [sys.executable, "-I", fetch_child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        cwd="/",
        pass_fds=(handle,),
        start_new_session=True,
        text=True,
    )
    try:
        said, _ = child.communicate(asked, timeout=FETCH_LIMIT.total_seconds() + GRACE_S)
        answer = json.loads(said)
    except (subprocess.TimeoutExpired, ValueError):
        return {"ok": False, "code": "interrupted", "detail": "the child did not answer"}
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return answer if isinstance(answer, dict) else {"ok": False, "code": "interrupted"}
