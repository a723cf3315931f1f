"""What Django answers outside of any view: a problem document for programs, a page for people."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import is_valid_path
from django.views import defaults

from portal.api.problems import MEDIA_TYPE, Problem

PROGRAMS = ("/api/", "/agent/", "/healthz", "/readyz")


def _for_program(request: HttpRequest) -> bool:
    return request.path.startswith(PROGRAMS)


def _document(request: HttpRequest, problem: Problem) -> JsonResponse:
    return JsonResponse(problem.as_json(request), status=problem.status, content_type=MEDIA_TYPE)


def _nothing_at(path: str) -> str:
    if path.endswith("/") and is_valid_path(path.rstrip("/")):
        return "There is nothing at this address; leave out the slash at its end."
    return "There is nothing at this address."


def bad_request(request: HttpRequest, exception: Exception, **_: Any) -> HttpResponse:
    """Answer a request that Django itself refuses."""
    if _for_program(request):
        return _document(request, Problem("malformed_request", "The request cannot be understood."))
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception, **_: Any) -> HttpResponse:
    """Answer what is not allowed."""
    if _for_program(request):
        return _document(request, Problem("permission_denied", "This is not allowed."))
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception, **_: Any) -> HttpResponse:
    """Answer an address that does not exist."""
    if _for_program(request):
        return _document(request, Problem("not_found", _nothing_at(request.path)))
    return defaults.page_not_found(request, exception)


def internal_error(request: HttpRequest, **_: Any) -> HttpResponse:
    """Answer when something failed on our side; Django has logged it."""
    if _for_program(request):
        return _document(
            request,
            Problem("internal_error", "Something failed on our side. Name the request_id when you write to us."),
        )
    return defaults.server_error(request)
