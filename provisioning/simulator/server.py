"""HTTPS in front of the BMCs: a thread per connection, so that one slow client holds up nobody else."""

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from provisioning.simulator.fleet import Fleet

HANDSHAKE_LIMIT_S = 10


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open and its log to itself."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: writes are in the BMC log."""


class TLSServer(ThreadedWSGIServer):
    """A threaded server that shakes hands in the connection's own thread."""

    request_queue_size = 512
    daemon_threads = True

    def __init__(self, fleet: Fleet, app: Callable[..., Any]) -> None:
        """Listen at the fleet's address. Raises OSError."""
        super().__init__(fleet.host, fleet.port, app, handler=QuietHandler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(fleet.cert, fleet.key)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands, then serve."""
        request.settimeout(HANDSHAKE_LIMIT_S)
        try:
            wrapped = self.tls.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            self.shutdown_request(request)
            return
        super().process_request_thread(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news."""

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, whatever state it is in."""
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)
        self.close_request(request)
