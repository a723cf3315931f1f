"""The private folder of one run: readable by us alone, in memory where there is a tmpfs, removed whatever happens.

The owner holds a lock on the folder, so `remove_leftovers` knows a dead worker's folder from a living one's, also
across containers that share /dev/shm.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "metalyard-run-"
_TMPFS_CANDIDATES = (Path("/dev/shm"), Path("/run"))  # noqa: S108 - checked to be tmpfs; folders are 0700


@contextmanager
def workspace(root: Path | None = None) -> Iterator[Path]:
    """A fresh folder, mode 0700, under `root` (default: `default_root()`); it is gone when the block ends."""
    path, lock = _create(root or default_root())
    try:
        yield path
    finally:
        try:
            shutil.rmtree(path)
        finally:
            os.close(lock)


def default_root() -> Path:
    """The first writable tmpfs, else the system's temporary folder."""
    mounts = _tmpfs_mounts()
    for candidate in _TMPFS_CANDIDATES:
        if candidate in mounts and os.access(candidate, os.W_OK | os.X_OK):
            return candidate
    return Path(tempfile.gettempdir())


def remove_leftovers(root: Path | None = None) -> int:
    """Remove the folders of dead processes of this user; returns how many. A living owner's folder is left alone."""
    removed = 0
    for path in (root or default_root()).glob(_PREFIX + "*"):
        if path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.getuid():
            continue
        lock = _lock(path)
        if lock is None:
            continue
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        removed += not path.exists()
    return removed


def _create(root: Path) -> tuple[Path, int]:
    """Make and lock a folder; once more if `remove_leftovers` took it between the two."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = _lock(path)
        if lock is not None and path.exists():
            return path, lock
        if lock is not None:
            os.close(lock)


def _lock(path: Path) -> int | None:
    """A handle that holds the folder's lock, or None when someone else holds it or the folder is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _tmpfs_mounts() -> set[Path]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {Path(fields[1]) for fields in map(str.split, lines) if len(fields) > 2 and fields[2] == "tmpfs"}
