"""The ramdisk's own way of streaming an image, on a file in the drive's place: what may go wrong on the wire."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.provisioning.ramdisk.scripts import needs_busybox, run

pytestmark = needs_busybox

DISK = os.urandom(1_500_000 // 512 * 512) + bytes(512)
BEFORE = b"\xa5"


class Serving(BaseHTTPRequestHandler):
    """Answers each request by the next of the server's replies, and by the last one for ever."""

    def do_GET(self):
        self.server.asked += 1
        status, announced, sent = self.server.replies[min(self.server.asked, len(self.server.replies)) - 1]
        self.send_response(status)
        if announced is not None:
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Serving) as made:
        made.asked = 0
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-1"], input=data, capture_output=True, check=True).stdout


def whole(data):
    return 200, len(data), data


def put(server, folder, *replies, announced=DISK, served=None, **changes):
    """Stream what the server answers; gives (error or "", the drive's content, how often it was asked)."""
    server.replies = replies
    drive = folder / "drive"
    drive.write_bytes(BEFORE * (2 << 20))
    served = zstd(announced) if served is None else served
    told = {
        "url": f"http://127.0.0.1:{server.server_address[1]}/image",
        "encoding": "zstd",
        "size": len(served),
        "expected": hashlib.sha256(served).hexdigest(),
        "disk_bytes": len(announced),
        "disk_sha256": hashlib.sha256(announced).hexdigest(),
    } | changes
    setting = "\n".join(f"{name}={value}" for name, value in told.items())
    then = f"""
    start_watch() {{ :; }}
    stop_watch() {{ :; }}
    DOWNLOAD_PAUSE_S=0 CA_FILE=/etc/ssl/certs/ca-certificates.crt
    {setting}
    drive=..{drive}
    put_image && verify_image
    """
    done = run("programs", "portal", "progress", "readback", "image", then=then, run_folder=folder)
    error = folder / "failure.code"
    assert (done.returncode == 0) is not error.exists(), done.stderr
    detail = (folder / "failure.detail").read_text() if error.exists() else ""
    return (error.read_text() if error.exists() else ""), detail, drive.read_bytes(), server.asked


PACKED = zstd(DISK)
CASES = {
    "whole": ([whole(PACKED)], {}, "", 1),
    "cut once": ([(200, len(PACKED), PACKED[:1_000_000]), whole(PACKED)], {}, "", 2),
    "refused once": ([(503, 0, b""), whole(PACKED)], {}, "", 2),
    "always cut": ([(200, len(PACKED), PACKED[:-1])], {}, "image_download_failed", 3),
    "not there": ([(404, 4, b"none")], {}, "image_download_failed", 3),
    "nothing": ([(200, 0, b"")], {}, "image_checksum_mismatch", 1),
    "moved": ([(302, 0, b"")], {}, "image_checksum_mismatch", 1),
    "cut, as if that were all": ([(200, len(PACKED) - 9, PACKED[:-9])], {}, "image_checksum_mismatch", 1),
    "cut, without a length": ([(200, None, PACKED[:-9])], {}, "image_checksum_mismatch", 1),
    "more behind it": ([whole(PACKED + b"more")], {}, "image_checksum_mismatch", 1),
    "much more behind it": ([whole(PACKED + PACKED)], {}, "image_checksum_mismatch", 1),
    "one byte other": ([whole(PACKED[:99] + bytes([PACKED[99] ^ 1]) + PACKED[100:])], {}, "image_checksum_mismatch", 1),
    "digest": ([whole(PACKED)], {"expected": "0" * 64}, "image_checksum_mismatch", 1),
    "disk's digest": ([whole(PACKED)], {"disk_sha256": "0" * 64}, "image_checksum_mismatch", 1),
    "size": ([whole(PACKED)], {"size": len(PACKED) + 1}, "image_checksum_mismatch", 1),
    "unpacks to more": ([whole(PACKED)], {"disk_bytes": len(DISK) - 512}, "image_checksum_mismatch", 1),
    "unpacks to less": ([whole(PACKED)], {"disk_bytes": len(DISK) + 512}, "image_checksum_mismatch", 1),
    "not packed": ([whole(DISK)], {"served": DISK}, "image_checksum_mismatch", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_only_what_was_announced_passes(server, tmp_path, case):
    replies, changes, error, asked = CASES[case]

    failed, detail, drive, times = put(server, tmp_path, *replies, **changes)

    assert (failed, times) == (error, asked), detail
    assert drive[len(DISK) + 512 :] == BEFORE * ((2 << 20) - len(DISK) - 512), "nothing behind the image is written"
    if not error:
        assert drive[: len(DISK)] == DISK
