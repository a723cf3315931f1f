"""Writing a folder as the cpio archive that Linux unpacks as its first file system (format "newc").

The format: https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

TRAILER = "TRAILER!!!"


def write(folder: Path, target: BinaryIO, epoch: int) -> None:
    """Write all below ``folder``, sorted, owned by root, with one time stamp: the same tree gives the same bytes."""
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts)
    for number, path in enumerate(paths, start=1):
        _entry(target, number, str(path.relative_to(folder)), path.lstat().st_mode, epoch, _content(path))
    _entry(target, 0, TRAILER, 0, 0, b"")


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else b""


def _entry(target: BinaryIO, number: int, name: str, mode: int, epoch: int, content: bytes) -> None:
    if stat.S_ISDIR(mode):
        mode = stat.S_IFDIR | 0o755
    elif stat.S_ISREG(mode):
        mode = stat.S_IFREG | (0o755 if mode & 0o100 else 0o644)
    encoded = os.fsencode(name) + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # Inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum.
    fields = (number, mode, 0, 0, links, epoch, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    target.write(_padded(header + encoded))
    target.write(_padded(content))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
