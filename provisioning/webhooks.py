"""Posting webhooks: to the very address that was checked, once, without redirects, and not for long."""

import http.client
import logging
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings

from portal.core.actors import SYSTEM
from portal.webhooks.services.delivering import AT_ONCE, Claimed, Outcome, claim_due, note_attempt
from provisioning.fetch_child import FetchFailed, Pinned, public_address

log = logging.getLogger(__name__)

LIMIT_S = 15.0
"""From connecting to the last byte that we read; Standard Webhooks asks for 15 to 30."""
SWEEP_S = 5.0
"""After so long a sweep claims nothing more: the next one is there."""
ANSWER_BYTES = 1024
WORDS = {
    "unresolved": "The name has no address.",
    "address_forbidden": "The name leads to an address that is not public.",
}


def deliver_webhooks() -> int:
    """Send what is due; return how many messages were tried."""
    count, ends = 0, time.monotonic() + SWEEP_S
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while time.monotonic() < ends and (claimed := claim_due(actor=SYSTEM)):
            for item, outcome in zip(claimed, pool.map(send, claimed), strict=True):
                note_attempt(actor=SYSTEM, claimed=item, outcome=outcome)
            count += len(claimed)
    return count


def send(item: Claimed) -> Outcome:
    """Post one message and return what came of it. Nothing of the database is touched here."""
    began = time.monotonic()
    try:
        status, answer = _posted(item)
    except FetchFailed as failure:
        return Outcome(_since(began), error=WORDS[failure.code])
    except ssl.SSLCertVerificationError as error:
        return Outcome(_since(began), error=f"The certificate is not accepted: {error.verify_message.rstrip('.')}.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_late = isinstance(error, TimeoutError) or time.monotonic() - began >= LIMIT_S
        text = f"No answer within {LIMIT_S:g} s." if is_late else f"No answer: {_shown(str(error))}"
        return Outcome(_since(began), error=text)
    return Outcome(_since(began), status=status, answer=answer)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _posted(item: Claimed) -> tuple[int, str]:
    parts = urlsplit(item.url)
    host, port = parts.hostname or "", parts.port or 443
    address = public_address(host, port, tuple(settings.METALYARD_WEBHOOK_NETWORKS))
    trust = ssl.create_default_context(cafile=settings.METALYARD_WEBHOOK_CA_FILE or None)
    connection = Pinned(host, port, address, trust, limit_s=LIMIT_S)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {**item.headers, "Content-Type": "application/json", "User-Agent": "metalyard-webhooks"}
    # A receiver that sends a byte now and then never meets the time limit of a read.
    watch = threading.Timer(LIMIT_S, _cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target, body=item.body.encode(), headers=headers)
        reply = connection.getresponse()
        answer = b""
        with suppress(OSError, http.client.HTTPException, ValueError):
            answer = reply.read(ANSWER_BYTES)
        return reply.status, _shown(answer.decode(errors="replace"))
    finally:
        watch.cancel()
        connection.close()


def _cut(connection: Pinned) -> None:
    """End a connection under the thread that reads from it."""
    with suppress(OSError):
        if connection.sock is not None:
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _shown(text: str) -> str:
    """Return text of a stranger as it can be kept and shown: one line, nothing unprintable."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
