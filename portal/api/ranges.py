"""A file, or one range of it, as a reply whose bytes leave by sendfile (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpResponse, HttpResponseBase

_RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?")


@dataclass
class Slice:
    """A part of a file: what WSGI servers need to send it themselves, and to read it where they cannot."""

    file: BinaryIO
    left: int

    def fileno(self) -> int:
        """Return the file's descriptor; it stands at the first byte to send."""
        return self.file.fileno()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """Return (first byte, length) of what a ``Range`` header asks of a file of ``size`` bytes.

    None means the whole file: no header, or one that is not a single range of bytes, which may be ignored. A length of
    0 means a range that the file does not have.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match.groups() == (None, None):
        return None
    first, last = match.groups()
    if first is None:
        length = min(int(last), size)
        return size - length, length
    begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if last and int(last) < int(first):
        return None
    return begin, max(0, end - begin + 1)


def file_reply(path: Path, *, method: str, range_header: str, content_type: str) -> HttpResponseBase:
    """Return the reply to a GET or HEAD of a file. Raises OSError."""
    size = path.stat().st_size
    begin, length = asked_range(range_header, size) or (0, size)
    if length == 0 and size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(length), "Cache-Control": "no-store"}
    is_part = asked_range(range_header, size) is not None
    if is_part:
        headers["Content-Range"] = f"bytes {begin}-{begin + length - 1}/{size}"
    status = 206 if is_part else 200
    if method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type=content_type)
    file = path.open("rb")
    file.seek(begin)
    reply = FileResponse(Slice(file, length), status=status, content_type=content_type)
    for name, value in headers.items():
        reply[name] = value
    return reply
