"""A small portal for machines to boot from, over real HTTP, with the ways a portal or a network fails."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "one-time-token"


class Portal(ThreadingHTTPServer):
    """Gives one job and one image. What was asked and reported is in `asked` and `reports`."""

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.job: dict = {}
        self.image = b""
        self.cut_at: list[int] = []  # bytes after which the next downloads are cut
        self.held_at: int | None = None  # bytes after which a download waits for `go_on`
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.statuses: dict[str, list[int]] = {}  # what the next requests for a path are answered with
        self.on_report = lambda path: None  # called before a report is answered
        self.asked: list[str] = []
        self.reports: list[tuple[str, str, dict]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    @property
    def boot_uri(self) -> str:
        return self.url(f"boot/{TOKEN}")

    def offer(self, kind: str, **changes) -> None:
        """Make the job: erase, or image with the image and the seed."""
        report = {"progress_url": self.url("progress"), "done_url": self.url("done")}
        image = {
            "url": self.url("image"),
            "sha256": hashlib.sha256(self.image).hexdigest(),
            "size_bytes": len(self.image),
        }
        seed = {"hostname": "gpu-01", "ssh_user": "ubuntu", "ssh_authorized_keys": [], "user_data_base64": "I2hp"}
        erasing = {"methods": ["nvme_format", "overwrite"], "verify": {"mode": "full", "blocks": 5000}}
        self.job = {"kind": kind, "report": report, "image": image, "seed": seed, **erasing} | changes

    def said(self, path: str) -> list[dict]:
        """The bodies that were posted to a path."""
        return [body for where, _, body in self.reports if where == path]

    @property
    def result(self) -> dict:
        """The one result that was reported."""
        (body,) = self.said("done")
        return body

    def handle_error(self, request, client_address):
        """Machines that lose power hang up: no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Portal

    def log_message(self, *args):
        pass

    def do_GET(self):
        if not self._misbehaves():
            if self.path == "/image":
                self._send_image()
            else:
                self._answer(200, json.dumps(self.server.job).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._misbehaves():
            self.server.reports.append((self.path.strip("/"), self.headers["Authorization"], body))
            self.server.on_report(self.path.strip("/"))
            self._answer(204, b"")

    def _misbehaves(self) -> bool:
        path = self.path.strip("/").split("/")[0]
        self.server.asked.append(path)
        queue = self.server.statuses.get(path)
        if not queue:
            return False
        status = queue.pop(0) if len(queue) > 1 else queue[0]
        if status == 200:
            return False
        self._answer(status, b"")
        return True

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", self.server.url("elsewhere"))
        self.end_headers()
        self.wfile.write(body)

    def _send_image(self):
        image, server = self.server.image, self.server
        end = server.cut_at.pop(0) if server.cut_at else len(image)
        self.send_response(200)
        self.send_header("Content-Length", str(len(image)))
        self.end_headers()
        with suppress(OSError):
            begin = min(server.held_at, end) if server.held_at is not None else end
            self.wfile.write(image[:begin])
            if begin < end:
                self.wfile.flush()
                server.reached.set()
                server.go_on.wait(120)
                self.wfile.write(image[begin:end])
        self.close_connection = end < len(image)


@contextmanager
def serving(port: int = 0, kind: type[Portal] = Portal):
    """A running portal; stopped and its port freed at the end."""
    portal = kind(port)
    thread = threading.Thread(target=portal.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        portal.go_on.set()
        portal.shutdown()
        portal.server_close()
        thread.join()
