"""Files of lines that cannot grow for ever, and the numbers by which lines of several can be put in one order."""

import json
import threading
from pathlib import Path
from typing import Any


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


class Record:
    """What was done, in several journals: their lines are JSON objects with a ``seq`` that none shares with another.

    A line that is written later has a greater number, whatever journal it is in; after a restart numbers go on.
    """

    def __init__(self, *journals: Journal) -> None:
        """Go on after the last line of ``journals``."""
        self.lock = threading.Lock()
        self.last = max(map(_last_number, journals), default=0)

    def write(self, journal: Journal, line: dict[str, Any]) -> None:
        """Add a line to one of the journals."""
        with self.lock:
            self.last += 1
            journal.write(json.dumps({"seq": self.last, **line}))


def _last_number(journal: Journal) -> int:
    try:
        return int(json.loads(journal.path.read_text().splitlines()[-1])["seq"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0
