"""A stand-in for Stripe's HTTP API: it judges what it is sent as Stripe does, and signs messages as Stripe does."""

import hmac
import json
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

SECRET_KEY, WEBHOOK_SECRET = "sk_test_stand_in", "whsec_stand_in"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, body = self.server.stand_in.answer(self.path, self.headers, raw)
        reply = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_args):
        """Say nothing."""


class StandIn:
    """``sessions`` are the fields of each page that was made, by idempotency key; ``failing`` replies come first."""

    def __init__(self):
        self.sessions, self.requests, self.failing = {}, [], []

    def answer(self, path, headers, raw):
        fields, key = dict(parse_qsl(raw, strict_parsing=True)), headers.get("Idempotency-Key")
        self.requests.append((path, fields, key))
        if headers["Authorization"] != f"Bearer {SECRET_KEY}":
            return 401, _error("invalid_request_error", "Invalid API Key provided")
        if headers["Content-Type"] != "application/x-www-form-urlencoded" or path != "/v1/checkout/sessions":
            return 404, _error("invalid_request_error", "Unrecognized request URL")
        if self.failing:
            return self.failing.pop(0), _error("api_error", "Try again")
        if not fields["line_items[0][price_data][unit_amount]"].isdecimal():
            return 400, _error("invalid_request_error", "Invalid integer")
        if self.sessions.setdefault(key, fields) != fields:
            return 400, _error("idempotency_error", "Keys can only be used with the same parameters")
        number = list(self.sessions).index(key)
        return 200, {
            "id": f"cs_test_{number}",
            "object": "checkout.session",
            "url": f"https://checkout.stripe.com/c/pay/cs_test_{number}",
        }


def _error(kind, text):
    return {"error": {"type": kind, "message": text}}


@contextmanager
def running():
    """Yield a stand-in with the address that it listens on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.stand_in = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.stand_in, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def succeeded(invoice_id, minor, payment="pi_1", currency="usd", kind="payment_intent.succeeded"):
    """Return the body of a message that a payment came in."""
    intent = {
        "id": payment,
        "object": "payment_intent",
        "amount": minor,
        "amount_received": minor,
        "currency": currency,
        "metadata": {"invoice": invoice_id} if invoice_id else {},
    }
    message = {"id": f"evt_{payment}", "object": "event", "type": kind, "data": {"object": intent}}
    return json.dumps(message).encode()


def signature_of(body, secret=WEBHOOK_SECRET, at=None):
    """Return the header: HMAC-SHA256 of the time and the body (https://docs.stripe.com/webhooks/signature)."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return f"t={stamp},v1={digest}"
