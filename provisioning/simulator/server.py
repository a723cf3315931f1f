"""HTTPS in front of the BMCs: a thread per connection, so that one slow client holds up nobody else."""

import contextlib
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from provisioning.simulator.fleet import Fleet

log = logging.getLogger(__name__)

HANDSHAKE_LIMIT_S = 10
BACKLOG = 512


class QuietHandler(WSGIRequestHandler):
    """Keeps its log to itself. Werkzeug closes the connection after each answer."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: writes are in the BMC log."""


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError that names the address."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        words = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise OSError(f"cannot listen on {host}:{port}: {words}") from error


class TLSServer(ThreadedWSGIServer):
    """A threaded server that shakes hands in the connection's own thread."""

    request_queue_size = BACKLOG
    daemon_threads = True

    def __init__(self, fleet: Fleet, app: Callable[..., Any]) -> None:
        """Listen at the fleet's address. Raises OSError that says in words what cannot be used."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            self.tls.load_cert_chain(fleet.cert, fleet.key)
        except OSError as error:
            raise OSError(f"certificate {fleet.cert} with key {fleet.key}: {error.strerror or error}") from error
        # A socket of our own, because Werkzeug would print its own advice and end the process.
        with listener(fleet.host, fleet.port) as ours:
            super().__init__(fleet.host, fleet.port, app, handler=QuietHandler, fd=ours.fileno())
        self.ssl_context = self.tls  # so that addresses in answers begin with https

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
        """Clients that hang up are no news; everything else is."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("a BMC could not answer %s", client_address, exc_info=error)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, whatever state it is in."""
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)
        self.close_request(request)
