"""Every request has an id: in the reply, in problem documents and in the audit record."""

import re
import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Take a sane ``X-Request-Id`` from the proxy or make one, and send it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its id."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _ACCEPTED.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        request.META["metalyard.request_id"] = request_id
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


def request_id_of(request: HttpRequest) -> str:
    """Return the id of a request."""
    return str(request.META.get("metalyard.request_id", ""))
