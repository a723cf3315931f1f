"""Every refusal as a problem document (RFC 9457)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from psycopg.errors import ExclusionViolation
from rest_framework import exceptions
from rest_framework.response import Response

from portal.api.field_errors import field_errors
from portal.api.problem_types import PROBLEM_TYPES
from portal.core.errors import DomainError, FieldError, InsufficientCapacity, InvalidInput
from portal.core.request_id import request_id_of

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What is wrong, before it is put into a document."""

    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status that the code stands for."""
        return PROBLEM_TYPES[self.code].status

    def as_json(self, request: HttpRequest) -> dict[str, Any]:
        """Return the document's members."""
        kind = PROBLEM_TYPES[self.code]
        members: dict[str, Any] = {
            **self.extra,
            "type": kind.type,
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "instance": quote(request.path),
            "code": kind.code,
            "request_id": request_id_of(request),
        }
        if self.errors:
            members["errors"] = [
                {"pointer": pointer(item.field), "code": item.code, "detail": item.detail} for item in self.errors
            ]
        return members


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of a field such as ``ssh_keys/0``; the whole body is the empty pointer."""
    return f"/{name}" if name else ""


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of an API view; None leaves it to the handler of internal errors."""
    problem = describe(error)
    if problem is None:
        return None
    request: HttpRequest = context["request"]._request
    return Response(
        problem.as_json(request), status=problem.status, headers=dict(problem.headers), content_type=MEDIA_TYPE
    )


def describe(error: Exception) -> Problem | None:
    """Return the problem that an exception stands for; None for one that nobody foresaw."""
    if isinstance(error, DomainError):
        retry = {"Retry-After": str(error.extra["retry_after"])} if "retry_after" in error.extra else {}
        return Problem(error.code, error.detail, error.errors, error.extra, retry)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, Http404):
        return Problem("not_found", "There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return Problem("permission_denied", "This is not allowed.")
    if isinstance(error, SuspiciousOperation):
        return Problem("malformed_request", "The request cannot be understood.")
    return _of_database(error)


def _of_framework(error: exceptions.APIException) -> Problem | None:
    if isinstance(error, exceptions.ValidationError):
        errors = field_errors(error.detail)
        detail = errors[0].detail if len(errors) == 1 else "Some fields need your attention."
        return Problem(InvalidInput.code, detail, errors)
    code = CODES.get(type(error))
    if code is None:
        return None
    if code == "unauthenticated" and error.get_codes() == "invalid_token":
        code = "invalid_token"
    return Problem(code, str(error.detail), headers=_headers(error))


CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ParseError: "malformed_json",
    exceptions.NotAuthenticated: "unauthenticated",
    exceptions.AuthenticationFailed: "unauthenticated",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}


def _headers(error: exceptions.APIException) -> dict[str, str]:
    challenge = getattr(error, "auth_header", None)
    return {"WWW-Authenticate": challenge} if challenge else {}


def _of_database(error: Exception) -> Problem | None:
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, ExclusionViolation):
        return Problem(InsufficientCapacity.code, "Somebody else took one of these servers just now. Try again.")
    if isinstance(error, OperationalError | InterfaceError):
        log.error("the database does not answer", exc_info=error)
        return Problem(
            "unavailable",
            "The database does not answer. Nothing was changed; try again.",
            headers={"Retry-After": str(RETRY_S)},
        )
    return None
