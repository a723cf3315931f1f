"""The fence file of a run, the worker's side: as long as it is fresh, the run may act on metal.

Shared format {"epoch": int, "expires_at": unix seconds}; the reader on Ansible's side is the collection's
`plugin_utils/fence.py`. The clock is the machine's: both sides run on one host.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


class FenceUnreadable(ValueError):
    """The file is missing or not a fence."""


@dataclass(frozen=True)
class Fence:
    """The claim's epoch, and until when (unix seconds) the claim is known to be held."""

    epoch: int
    expires_at: float


def write_fence(path: Path, fence: Fence) -> None:
    """Replace the file in one step, so a reader sees the old or the new fence and never half of one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".fence-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"epoch": fence.epoch, "expires_at": fence.expires_at}, file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_fence(path: Path) -> Fence:
    """The fence in the file. Raises `FenceUnreadable`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Fence(epoch=int(data["epoch"]), expires_at=float(data["expires_at"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FenceUnreadable(f"{path.name}: {type(error).__name__}") from error


def drop_fence(path: Path) -> None:
    """Take the permission away at once: every later write of the run refuses itself."""
    path.unlink(missing_ok=True)
