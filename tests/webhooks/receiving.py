"""A receiver of webhooks: a real HTTPS server on this machine that keeps what it is sent."""

import http.server
import ssl
import threading
from contextlib import contextmanager

from standardwebhooks.webhooks import Webhook

from portal.webhooks.models import Attempt
from portal.webhooks.services.announcing import ping
from portal.webhooks.services.endpoints import add_endpoint

TYPES = ["reservation.active", "incident.opened", "invoice.issued"]


class Receiver(http.server.ThreadingHTTPServer):
    """``got`` is what came: path, headers and body. ``status`` and ``answer`` are what it says."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got, self.status, self.answer, self.headers = [], 204, b"", {}

    def url(self, host="127.0.0.1", path="/hooks?a=b"):
        return f"https://{host}:{self.server_port}{path}"

    def handle_error(self, *_args):
        """Say nothing of clients that do not trust us."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_args):
        """Say nothing."""


@contextmanager
def running(certificates):
    """Give a receiver that has the certificate."""
    receiver = Receiver()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificates.certificate, certificates.key)
    receiver.socket = trust.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


def endpoint(scope, url="https://example.com/hooks", event_types=TYPES):
    """Return an endpoint and its secret."""
    return add_endpoint(scope=scope, actor=scope.actor, url=url, event_types=event_types)


def told(scope, count=1):
    """Return the last of some messages to an endpoint of the scope's project, each tried once in vain."""
    hook, _ = endpoint(scope)
    for _ in range(count):
        message = ping(scope=scope, actor=scope.actor, endpoint=hook)
        Attempt.objects.create(message=message, status=500, duration_ms=12, answer="<b>no</b>")
    return message


def verified(got, secret):
    """Return what a message says, as the library of Standard Webhooks reads it with a secret."""
    _, headers, body = got
    return Webhook(secret).verify(body, headers)


def fresh(row):
    """Return a row as it is stored."""
    return type(row).objects.get(pk=row.pk)
