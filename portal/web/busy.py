"""What people are shown when the database gave their request up for others: that, and a way to send it again."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portal.core.repeating import is_victim
from portal.web.shell import Shell, theme_of

RETRY_S = 5
FACES = {"web": ("web:dashboard", "Dashboard"), "admin": ("admin:index", "Administration")}
"""The faces for people, by the namespaces of their addresses: where each begins, and what that is called."""

log = logging.getLogger(__name__)


class BusyMiddleware:
    """Answers what gave up after many a deadlock; before that it was done again (``portal.core.repeating``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for a victim of a deadlock; None for anything else, and for programs."""
        face = FACES.get(request.resolver_match.namespace) if request.resolver_match else None
        if face is None or not is_victim(exception):
            return None
        log.error("a request met a deadlock each time that it was begun", exc_info=exception)
        context: dict[str, Any] = {
            # Nothing that asks the database: it has enough to do.
            "shell": Shell(theme_of(request)),
            "is_sent": request.method == "POST",
            "may_resend": _may_be_shown(request),
            "fields": _sent(request),
            "address": request.get_full_path(),
            "home": reverse(face[0]),
            "home_words": face[1],
        }
        reply = render(request, "503.html", context, status=503)
        reply.headers["Retry-After"] = str(RETRY_S)
        reply.headers["Cache-Control"] = "no-store"
        return reply


def _may_be_shown(request: HttpRequest) -> bool:
    """Tell whether a form was sent whose fields a page may hold, and can."""
    return request.method == "POST" and not request.FILES and not any("password" in name for name in request.POST)


def _sent(request: HttpRequest) -> Sequence[tuple[str, str]]:
    """Return the fields of the form that was sent, one by one; the new page has a token of its own."""
    pairs = [(name, str(value)) for name, values in request.POST.lists() for value in values]
    return [pair for pair in pairs if pair[0] != "csrfmiddlewaretoken"]
