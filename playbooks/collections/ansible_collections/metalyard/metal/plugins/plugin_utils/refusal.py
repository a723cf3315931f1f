"""One error type for everything a plugin can refuse or fail at: a stable code and a sentence for people."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\ufffd]+")


class Refusal(Exception):
    """The action cannot go on. `code` is stable and machine-readable, `message` says why in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def printable(text: str, limit: int = 200) -> str:
    """`text` from outside on one line, without control characters, cut to `limit` characters."""
    clean = _UNPRINTABLE.sub(" ", text).strip()
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."
