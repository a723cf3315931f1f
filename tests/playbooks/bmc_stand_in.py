"""A small TLS Redfish service for tests of the plugin: the metal edge, with the ways a real or hostile BMC misbehaves.

One service answers for many systems, as the emulated fleet does. `faults` maps a system's uuid to a misbehaviour.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CANARY = Path("/tmp/metalyard-canary")
CANARY = Path("/tmp/metalyard-canary")
USER, PASSWORD = "operator", "s3cr3t-{{ 7*7 }}-bmc"
_AUTH = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Fleet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cert: Path, key: Path):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(cert, key)
        self.systems: dict[str, dict] = {}
        self.drives: dict[str, dict] = {}
        self.faults: dict[str, str] = {}
        self.writes: list[dict] = []
        self.after_write = None
        self.after_read = None

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def add(self, uuid: str, serial: str, power: str = "Off") -> None:
        self.systems[uuid] = {
            "UUID": uuid,
            "SerialNumber": serial,
            "Model": "HGX H100",
            "PowerState": power,
            "Boot": {},
            "Links": {"ManagedBy": [{"@odata.id": f"/redfish/v1/Managers/{uuid}"}]},
        }
        self.drives[uuid] = {"Image": None, "Inserted": False}

    def finish_request(self, request, client_address):
        # The handshake belongs to the thread of the connection, or one slow client would stop all.
        with suppress(OSError, ssl.SSLError), self.tls.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)

    def handle_error(self, request, client_address):
        """Clients that give up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Fleet

    def log_message(self, *args):
        pass

    def do_GET(self):
        if (system := self._system()) is not None:
            about_manager = "/Managers/" in self.path
            self._answer(200, json.dumps(self._manager() if about_manager else system).encode())
            if self.server.after_read:
                self.server.after_read()

    def do_PATCH(self):
        if (system := self._system()) is not None:
            if self._fault == "boots_elsewhere":
                self._body["Boot"]["HttpBootUri"] = "http://203.0.113.1/evil"
            if self._fault != "forgets_boot":
                system["Boot"] |= self._body["Boot"]
            self._wrote()

    def do_POST(self):
        if (system := self._system()) is not None:
            if "/VirtualMedia/" in self.path:
                self._change_drive()
                self._wrote()
                return
            asked = self._body["ResetType"]
            if asked == "GracefulShutdown" and self._fault == "cannot_ask":
                self._answer(400, b"{}")
                return
            if self._fault != "power_lie" and (asked, self._fault) != ("GracefulShutdown", "hangs_on"):
                system["PowerState"] = "On" if asked == "On" else "Off"
            self._wrote()

    def _manager(self):
        """The manager, its one virtual drive, or the list of drives."""
        root = f"/redfish/v1/Managers/{self._uuid}"
        if self._fault == "no_drive":
            return {}
        if self.path == root:
            return {"VirtualMedia": {"@odata.id": f"{root}/VirtualMedia"}}
        cd = f"{root}/VirtualMedia/Cd"
        if self.path != cd:
            return {"Members": [{"@odata.id": cd}]}
        actions = {f"#VirtualMedia.{name}Media": {"target": f"{cd}/Actions/{name}"} for name in ("Insert", "Eject")}
        return {"@odata.id": cd, "Id": "Cd", "MediaTypes": ["CD"], "Actions": actions, **self.server.drives[self._uuid]}

    def _change_drive(self):
        if self._fault != "ignores_media":
            image = self._body.get("Image")
            self.server.drives[self._uuid] = {"Image": image, "Inserted": image is not None}

    def _wrote(self):
        epoch = self.headers["X-Metalyard-Epoch"]
        self.server.writes.append(
            {"system": self._uuid, "method": self.command, "body": self._body, "epoch": epoch, "path": self.path}
        )
        self._answer(204, b"")
        if self.server.after_write:
            self.server.after_write()

    def _system(self):
        self._uuid = self.path.split("/")[4]
        self._fault = self.server.faults.get(self._uuid, "")
        self._body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        misbehave = getattr(self, "_fault_" + self._fault, None)
        if misbehave is not None:
            misbehave()
            return None
        if self.headers["Authorization"] != _AUTH:
            return self._answer(401, b"{}")
        return self.server.systems.get(self._uuid) or self._answer(404, b"{}")

    def _answer(self, status, body, content_type="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _fault_huge(self):
        self._answer(200, b'{"SerialNumber": "' + b"x" * (3 << 20) + b'"}')

    def _fault_redirect(self):
        self._answer(302, b"", Location=f"{self.server.address}/redfish/v1/Systems/elsewhere")

    def _fault_html(self):
        self._answer(200, b"<html><body>Please log in</body></html>", content_type="text/html")

    def _fault_html_as_json(self):
        self._answer(200, b"<html><body>Please log in</body></html>")

    def _fault_deep(self):
        self._answer(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)

    def _fault_not_an_object(self):
        self._answer(200, b'["SerialNumber"]')

    def _fault_no_serial(self):
        self._answer(200, b'{"SerialNumber": {"$gt": ""}, "PowerState": "On"}')

    def _fault_hang(self):
        time.sleep(30)

    def _fault_drip(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(300):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def _fault_error_500(self):
        self._answer(500, json.dumps({"error": {"message": f"\x1b[31moops {self.headers['Authorization']}"}}).encode())

    def _fault_template(self):
        text = "{{ lookup('pipe', 'touch " + str(CANARY) + "') }}"
        self._answer(500, json.dumps({"error": {"message": text}}).encode())

    def _fault_not_http(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        self.close_connection = True

    def _fault_drops(self):
        self.close_connection = True


@contextmanager
def serving(cert: Path, key: Path):
    """A running fleet; stopped and its port freed at the end."""
    fleet = Fleet(cert, key)
    thread = threading.Thread(target=fleet.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fleet
    finally:
        fleet.shutdown()
        fleet.server_close()
        thread.join()
