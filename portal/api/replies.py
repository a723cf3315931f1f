"""Replies with one object: a document with its ETag, which can be sent again to the letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from django.http import HttpResponse
from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

NO_CONTENT = 204
NOT_MODIFIED = 304


@dataclass(frozen=True)
class Reply:
    """A reply as it goes over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    is_secret: bool = False
    """Whether it shows a secret: then it is kept encrypted."""

    @classmethod
    def of(cls, document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return the reply with a document and its ETag, or the empty one where ``status`` is 204."""
        if status == NO_CONTENT:
            return cls(status, b"", {})
        body = JSONRenderer().render(document)
        return cls(status, body, {"ETag": _tag(body), **(headers or {})})

    def as_response(self, **headers: str) -> HttpResponse:
        """Return the reply for the framework, with more headers."""
        response = HttpResponse(self.body, status=self.status, content_type="application/json")
        if not self.body:
            del response["Content-Type"]
        for name, value in {**self.headers, **headers}.items():
            response[name] = value
        return response


def etag_of(document: Mapping[str, Any]) -> str:
    """Return the strong entity tag of a document (RFC 9110 section 8.8.3)."""
    return _tag(JSONRenderer().render(document))


def _tag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


def known_etags(request: Request) -> list[str]:
    """Return the entity tags that the client has already, without the marks of weak ones."""
    return [tag.removeprefix("W/") for tag in parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))]


def object_reply(request: Request, document: Mapping[str, Any]) -> HttpResponse:
    """Answer a GET with one object, or with 304 where the client has it already."""
    reply = Reply.of(document)
    known = known_etags(request)
    if reply.headers["ETag"] in known or known == ["*"]:
        return Reply(NOT_MODIFIED, b"", reply.headers).as_response()
    return reply.as_response()
