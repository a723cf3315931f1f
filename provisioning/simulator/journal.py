"""A file of lines that cannot grow for ever."""

import threading
from pathlib import Path


class Journal:
    """Lines in the order in which they came: the newest in a file, those before them in one older copy."""

    def __init__(self, path: Path, keep_bytes: int) -> None:
        """Use ``path``; once it has ``keep_bytes`` it becomes the older copy, ``path`` with .1 after it."""
        self.path = path
        self.keep_bytes = keep_bytes
        self.lock = threading.Lock()

    def write(self, line: str) -> None:
        """Add a line."""
        with self.lock:
            if self.path.exists() and self.path.stat().st_size >= self.keep_bytes:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(line + "\n")
