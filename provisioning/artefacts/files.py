"""Files as the builders need them."""

import hashlib
import os
from pathlib import Path


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stretch(path: Path, size: int) -> None:
    """Make a file, or an existing one longer, of ``size`` bytes; what is added reads as zeros and takes no room."""
    path.touch()
    os.truncate(path, size)
