"""HTTPS to one BMC that may be broken or hostile: every answer is bounded in time, size and depth.

Owns the connection, TLS, basic authentication and the reading of JSON. Knows nothing about servers or power.
Redirects are never followed, and the certificate is always verified against the CA file of the site.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 32
# A connection idle for longer may have been closed by the BMC; a write must not be lost to that.
_IDLE_S = 1.0
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


class _DeadlineSocket(ssl.SSLSocket):
    """A TLS socket on which the whole exchange, not each read, has a time limit (a slow drip ends too)."""

    deadline = float("inf")

    def _shorten(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        if left != float("inf"):
            self.settimeout(left)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._shorten()
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._shorten()
        super().sendall(*args, **kwargs)


class Transport:
    """One keep-alive connection to the BMC at `address` (https://host:port). `timeout_s` limits each exchange.

    The password and what is `hidden` are blotted out of every message.
    """

    def __init__(
        self,
        address: str,
        *,
        username: str,
        password: str,
        ca_file: str,
        timeout_s: float,
        hidden: Sequence[str] = (),
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.path not in ("", "/"):
            raise Refusal("bad_variables", "bmc_address must look like https://host:port.")
        self._timeout_s = timeout_s
        # Longest first: one secret may be part of another.
        self._secrets = sorted({password, *hidden}, key=len, reverse=True)
        self._authorization = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._secrets.append(self._authorization.removeprefix("Basic "))
        self._connection = http.client.HTTPSConnection(
            parts.hostname, parts.port or 443, timeout=timeout_s, context=_tls(ca_file)
        )
        self._used_at = 0.0

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`. Raises `Refusal`."""
        return parse(self._exchange("GET", path, None, {}, self._timeout_s))

    def status(self, path: str) -> int:
        """The HTTP status with which `path` is answered; nothing else of the answer is used. Raises `Refusal`."""
        seen: list[int] = []

        def note(status: int, _content_type: str, _body: bytes) -> bytes:
            seen.append(status)
            return b""

        self._exchange("GET", path, None, {}, self._timeout_s, note)
        return seen[0]

    def write(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, within_s: float
    ) -> None:
        """Send `body`; success is any 2xx answer. Gives up after `within_s` or the timeout. Raises `Refusal`."""
        self._exchange(method, path, json.dumps(body).encode(), headers, min(within_s, self._timeout_s))

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        self._connection.close()

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        limit_s: float,
        take: Callable[[int, str, bytes], bytes] | None = None,
    ) -> bytes:
        try:
            return (take or self._checked)(*self._send(method, path, body, headers, limit_s))
        except ssl.SSLCertVerificationError as error:
            raise self._refusal(
                "bmc_wrong_identity", f"Its certificate is not trusted: {error.verify_message}"
            ) from error
        except TimeoutError as error:
            raise self._refusal("bmc_timeout", f"No complete answer to {method} within {limit_s:.0f} s.") from error
        except OSError as error:
            raise self._refusal("bmc_unreachable", f"{type(error).__name__}: {error.strerror or error}") from error
        except http.client.HTTPException as error:
            raise self._refusal("bmc_refused", f"The answer is not proper HTTP ({type(error).__name__}).") from error
        finally:
            self._used_at = time.monotonic()

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limit_s: float
    ) -> tuple[int, str, bytes]:
        started = time.monotonic()
        if started - self._used_at > _IDLE_S:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.timeout = limit_s
            self._connection.connect()
        cast(_DeadlineSocket, self._connection.sock).deadline = started + limit_s
        sent = {"Accept": "application/json", "Authorization": self._authorization, **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        self._connection.request(method, path, body=body, headers=sent)
        response = self._connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read(MAX_BODY_BYTES + 1)

    def _checked(self, status: int, content_type: str, body: bytes) -> bytes:
        if len(body) > MAX_BODY_BYTES:
            raise self._refusal("bmc_refused", f"The answer is larger than {MAX_BODY_BYTES} bytes.")
        if status in (401, 403):
            raise self._refusal("bmc_auth_failed", f"The BMC does not accept our credentials (HTTP {status}).")
        if 300 <= status < 400:
            raise self._refusal("bmc_refused", f"The BMC answered with a redirect (HTTP {status}): not followed.")
        if status >= 400:
            raise self._refusal("bmc_refused", f"HTTP {status}. {said(body)}")
        if body and "json" not in content_type:
            raise self._refusal("bmc_refused", f"The answer is {content_type or 'of no type'}, not JSON.")
        return body

    def _refusal(self, code: str, message: str) -> Refusal:
        """Close the connection (its state is unknown now) and say what happened, without our credentials in it."""
        self._connection.close()
        for secret in self._secrets:
            message = message.replace(secret, "[redacted]")
        return Refusal(code, printable(message, limit=300))


def parse(body: bytes) -> dict[str, Any]:
    """`body` as a JSON object of bounded depth. Raises `Refusal` (`bmc_refused`)."""
    try:
        text = body.decode("utf-8")
        if depth_of(text) > MAX_DEPTH:
            raise Refusal("bmc_refused", f"The answer is nested deeper than {MAX_DEPTH} levels.")
        value = json.loads(text)
    except ValueError as error:
        raise Refusal("bmc_refused", f"The answer is not JSON ({type(error).__name__}).") from error
    if not isinstance(value, dict):
        raise Refusal("bmc_refused", "The answer is not a JSON object.")
    return value


def depth_of(text: str) -> int:
    """How deep brackets nest in `text`, strings aside. Looked at before parsing: the parser itself recurses."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match.group() in "]}":
            depth -= 1
    return deepest


def said(body: bytes) -> str:
    """The message of a Redfish error answer (DSP0266, 8.6), or nothing. It is a stranger's text: shortened."""
    try:
        message = parse(body)["error"]["message"]
    except (Refusal, KeyError, TypeError):
        return ""
    return "The BMC says: " + printable(message) if isinstance(message, str) else ""


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Refusal("bad_variables", f"bmc_ca_file cannot be used ({type(error).__name__}).") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _DeadlineSocket
    return context
