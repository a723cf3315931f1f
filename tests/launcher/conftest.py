"""Folders for servers that run as another user: short enough for sockets, open enough to pass through."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PARENT = Path("/var/tmp")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="my-", dir=PARENT))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
