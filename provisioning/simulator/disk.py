"""A machine's disk: a file of exactly its size. The image begins at 0; the last MiB is the seed partition.

Seed partition: magic, length (8 bytes, big-endian), SHA-256 of the body, body (JSON), zeros.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHUNK = 1024 * 1024
SEED_BYTES = 1024 * 1024
SEED_MAGIC = b"METALYARD-SEED\x00\x01"
IMAGE_MAGIC = "METALYARD-IMAGE"
IMAGE_HEADER_BYTES = 4096
BLOCK = 4096
_HEAD = len(SEED_MAGIC) + 8 + 32


class NotBootable(Exception):
    """There is no operating system, or no readable seed, on this disk."""


class Disk:
    """One disk file."""

    def __init__(self, path: Path, size: int) -> None:
        """Use the file at ``path``; it is made, sparse and of ``size`` bytes, when it is not there."""
        self.path = path
        self.size = size
        if not path.exists() or path.stat().st_size != size:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.truncate(size)

    @property
    def room(self) -> int:
        """Bytes that an image may have."""
        return self.size - SEED_BYTES

    def write(self, offset: int, data: bytes) -> None:
        """Write ``data`` at ``offset``."""
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def chunks(self, length: int) -> Iterator[bytes]:
        """Read the first ``length`` bytes in chunks."""
        with self.path.open("rb") as file:
            while length > 0 and (data := file.read(min(CHUNK, length))):
                length -= len(data)
                yield data

    def erase(self, *, skip_some: bool = False) -> Iterator[int]:
        """Overwrite every byte with zeros, yielding how many are done; ``skip_some`` leaves one block in a thousand."""
        keep = range(BLOCK, self.size, BLOCK * 1000) if skip_some else range(0)
        kept = []
        with self.path.open("r+b") as file:
            for offset in keep:
                file.seek(offset)
                kept.append((offset, file.read(BLOCK)))
            file.seek(0)
            done = 0
            while done < self.size:
                done += file.write(bytes(min(CHUNK, self.size - done)))
                yield done
            for offset, data in kept:
                file.seek(offset)
                file.write(data)

    def residue(self) -> Iterator[tuple[int, int]]:
        """Read everything back, yielding (bytes read, bytes that are not zero so far)."""
        read = wrong = 0
        for data in self.chunks(self.size):
            read += len(data)
            wrong += len(data) - data.count(0)
            yield read, wrong

    def write_seed(self, seed: dict[str, Any]) -> None:
        """Write the seed partition. Raises ValueError when the seed does not fit."""
        body = json.dumps(seed).encode()
        if len(body) > SEED_BYTES - _HEAD:
            raise ValueError("the seed does not fit into its partition")
        head = SEED_MAGIC + len(body).to_bytes(8, "big") + hashlib.sha256(body).digest()
        self.write(self.size - SEED_BYTES, (head + body).ljust(SEED_BYTES, b"\0"))

    def read_seed(self) -> dict[str, Any]:
        """Read the seed partition. Raises NotBootable."""
        with self.path.open("rb") as file:
            file.seek(self.size - SEED_BYTES)
            data = file.read(SEED_BYTES)
        length = int.from_bytes(data[len(SEED_MAGIC) : len(SEED_MAGIC) + 8], "big")
        body = data[_HEAD : _HEAD + length]
        if not data.startswith(SEED_MAGIC) or hashlib.sha256(body).digest() != data[_HEAD - 32 : _HEAD]:
            raise NotBootable("no seed on the disk")
        found: dict[str, Any] = json.loads(body)
        return found

    def read_image_header(self) -> dict[str, Any]:
        """Read what the operating system says of itself. Raises NotBootable."""
        with self.path.open("rb") as file:
            head = file.read(IMAGE_HEADER_BYTES)
        try:
            header = json.loads(head.rstrip(b"\0 ").decode())
        except ValueError:
            raise NotBootable("no bootable device") from None
        if not isinstance(header, dict) or header.get("magic") != IMAGE_MAGIC:
            raise NotBootable("no bootable device")
        return header
