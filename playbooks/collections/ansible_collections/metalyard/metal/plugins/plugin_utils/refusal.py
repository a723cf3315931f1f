"""One error type for everything a plugin can refuse or fail at: a stable code and a sentence for people."""

from __future__ import annotations


class Refusal(Exception):
    """The action cannot go on. `code` is stable and machine-readable, `message` says why in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def printable(text: str, limit: int = 200) -> str:
    """`text` from outside on one line, cut to `limit` characters; nothing in it can steer a terminal or a page.

    Control characters also carry ansible-runner's own events on its output: a BMC must not be able to forge one.
    """
    clean = "".join(char if char.isprintable() else " " for char in text).strip()
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."
