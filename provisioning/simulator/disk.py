"""A machine's disk: a file of exactly its size. The image begins at 0; the last MiB is the seed partition.

Seed partition: magic, length (8 bytes, big-endian), SHA-256 of the body, body (JSON), zeros.
"""

import contextlib
import errno
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

CHUNK = 1024 * 1024
SEED_BYTES = 1024 * 1024
SEED_MAGIC = b"METALYARD-SEED\x00\x01"
IMAGE_MAGIC = "METALYARD-IMAGE"
IMAGE_HEADER_BYTES = 4096
BLOCK = 4096
SKIPPED_OF_BLOCKS = 1000
_HEAD = len(SEED_MAGIC) + 8 + 32
Guard = Callable[[], AbstractContextManager[None]]


class NotBootable(Exception):
    """There is no operating system, or no readable seed, on this disk."""


class Disk:
    """One disk file. Every change of it is made within ``guard``, which may refuse by raising."""

    def __init__(self, path: Path, size: int, guard: Guard = contextlib.nullcontext) -> None:
        """Use the file at ``path``; it is made, sparse and of ``size`` bytes, when it is not there."""
        self.path = path
        self.size = size
        self.guard = guard
        if not path.exists() or path.stat().st_size != size:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.truncate(size)

    @property
    def room(self) -> int:
        """Bytes that an image may have."""
        return self.size - SEED_BYTES

    def write(self, offset: int, data: bytes) -> None:
        """Write ``data`` at ``offset``. Raises OSError where there is no disk, and what the guard raises."""
        if not 0 <= offset <= self.size - len(data):
            raise OSError(errno.ENOSPC, f"nothing can be written at {offset}")
        with self.guard(), self.path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def read(self, offset: int, length: int) -> bytes:
        """Read ``length`` bytes at ``offset``."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def chunks(self, length: int) -> Iterator[bytes]:
        """Read the first ``length`` bytes in chunks."""
        with self.path.open("rb") as file:
            while length > 0 and (data := file.read(min(CHUNK, length))):
                length -= len(data)
                yield data

    def erase(self, *, skip_some: bool = False) -> Iterator[int]:
        """Overwrite every byte with zeros, yielding how many are done; ``skip_some`` leaves one block in a thousand."""
        done = 0
        while done < self.size:
            blank = bytearray(min(CHUNK, self.size - done))
            if skip_some:
                self._spare(blank, done)
            self.write(done, bytes(blank))
            done += len(blank)
            yield done

    def _spare(self, blank: bytearray, start: int) -> None:
        """Put into ``blank``, meant for ``start``, what the disk has in the blocks that are to be skipped."""
        for offset in range(BLOCK, self.size, BLOCK * SKIPPED_OF_BLOCKS):
            if start <= offset < start + len(blank):
                kept = self.read(offset, min(BLOCK, start + len(blank) - offset))
                blank[offset - start : offset - start + len(kept)] = kept

    def residue(self) -> Iterator[tuple[int, int]]:
        """Read everything back, yielding (bytes read, bytes that are not zero so far)."""
        read = wrong = 0
        for data in self.chunks(self.size):
            read += len(data)
            wrong += len(data) - data.count(0)
            yield read, wrong

    def sampled_residue(self, blocks: int, choice: random.Random) -> Iterator[tuple[int, int]]:
        """Read the first block, the last one and ``blocks`` others that ``choice`` picks, yielding as ``residue``."""
        last = -(-self.size // BLOCK) - 1
        read = wrong = 0
        for number in (0, last, *choice.sample(range(1, last), blocks)):
            data = self.read(number * BLOCK, min(BLOCK, self.size - number * BLOCK))
            read += len(data)
            wrong += len(data) - data.count(0)
            yield read, wrong

    def write_seed(self, seed: dict[str, Any]) -> None:
        """Write the seed partition. Raises ValueError when the seed does not fit."""
        self.write(self.size - SEED_BYTES, packed(seed))

    def forget_seed(self) -> None:
        """Empty the seed partition: what is on the disk cannot be booted until there is a new seed."""
        self.write(self.size - SEED_BYTES, bytes(SEED_BYTES))

    def read_seed(self) -> dict[str, Any]:
        """Read the seed partition. Raises NotBootable."""
        data = self.read(self.size - SEED_BYTES, SEED_BYTES)
        length = int.from_bytes(data[len(SEED_MAGIC) : len(SEED_MAGIC) + 8], "big")
        body = data[_HEAD : _HEAD + length]
        if not data.startswith(SEED_MAGIC) or hashlib.sha256(body).digest() != data[_HEAD - 32 : _HEAD]:
            raise NotBootable("no seed on the disk")
        found = json.loads(body)
        if not (isinstance(found.get("hostname"), str) and isinstance(found.get("ssh_user"), str)):
            raise NotBootable("the seed names no host or no user")
        return dict(found)

    def read_image_header(self) -> dict[str, Any]:
        """Read what the operating system says of itself. Raises NotBootable."""
        try:
            header = json.loads(self.read(0, IMAGE_HEADER_BYTES).rstrip(b"\0 ").decode())
        except (ValueError, RecursionError):
            raise NotBootable("no bootable device") from None
        if not isinstance(header, dict) or header.get("magic") != IMAGE_MAGIC:
            raise NotBootable("no bootable device")
        return header


def packed(seed: dict[str, Any]) -> bytes:
    """Return the seed partition that holds ``seed``. Raises ValueError when the seed does not fit."""
    body = json.dumps(seed).encode()
    if len(body) > SEED_BYTES - _HEAD:
        raise ValueError("the seed does not fit into its partition")
    head = SEED_MAGIC + len(body).to_bytes(8, "big") + hashlib.sha256(body).digest()
    return (head + body).ljust(SEED_BYTES, b"\0")
