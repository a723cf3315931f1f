"""A BMC that answers whatever a test says, over TLS."""

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


@contextmanager
def answering(cert, key):
    """Serve; ``status`` and ``body`` of what it gives are the answer, ``asked`` holds the paths of requests.

    ``body`` may be a function of the path.
    """
    said = SimpleNamespace(status=200, body=b"{}", asked=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            said.asked.append(self.path)
            body = said.body(self.path) if callable(said.body) else said.body
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the reader had enough

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said.address = f"https://127.0.0.1:{server.server_address[1]}"
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()
