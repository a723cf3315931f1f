"""The OpenAPI description: what all operations have in common, so that a view only says what is its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from portal.api.problem_types import PROBLEM_TYPES, ProblemType
from portal.api.problems import MEDIA_TYPE
from portal.api.queries import Query, WriteQuery
from portal.api.refusals import (
    BodyTooLarge,
    IdempotencyInProgress,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    PreconditionFailed,
    RateLimited,
)
from portal.api.serializers.problems import ProblemOut
from portal.core.errors import DomainError, Forbidden, InvalidInput

View = TypeVar("View", bound=Callable[..., Any])
Out = type[serializers.Serializer[Any]]
JSON = "application/json"
PDF = "application/pdf"
CSV = "text/csv"
XML = "application/xml"

ALWAYS = ("malformed_request", "unauthenticated", "invalid_token", "not_acceptable", "internal_error", "unavailable")
OF_ALL = (Forbidden, InvalidInput, RateLimited)
OF_BODIES = ("malformed_json", "unsupported_media_type", BodyTooLarge.code)
OF_KEYS = (IdempotencyKeyInvalid, IdempotencyKeyReused, IdempotencyInProgress)

KEY_TEXT = """
With an `Idempotency-Key` the request is done once however often it is sent: the same key with the same body gets the
same reply again, with `Idempotency-Replayed: true`. A refusal changes nothing and is not kept, so the same key may be
sent again with the same or a corrected body. Keys are kept for 7 days and belong to the token's project.
"""


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How ``TokenAuthentication`` reads in the description."""

    target_class = "portal.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "my_live_...", "description": "An API token."}


@dataclass(frozen=True)
class Doc:
    """What an endpoint says about itself. ``refuses`` are the refusals of its own, beside those of all.

    With ``has_etag`` a GET honours If-None-Match, and a write If-Match. ``media`` are the types of files that it may
    answer with instead of a document.
    """

    operation_id: str
    tag: str
    summary: str
    out: Out | None
    text: str = ""
    query: type[Query] = Query
    body: Out | None = None
    refuses: Sequence[type[DomainError]] = ()
    status: int = 200
    has_etag: bool = False
    media: Sequence[str] = ()


def list_doc(
    operation_id: str, tag: str, summary: str, out: Out, query: type[Query], text: str = "", **more: Any
) -> Doc:
    """Return the description of a GET that lists."""
    return Doc(operation_id, tag, summary, _list_of(out), text, query, **more)


@cache
def _list_of(out: Out) -> Out:
    """Return the shape of a page; the same one for all lists of ``out``."""
    fields = {"data": out(many=True), "next_cursor": serializers.CharField(allow_null=True)}
    return type(f"{out.__name__.removesuffix('Out')}List", (serializers.Serializer,), fields)


def reads(doc: Doc) -> Callable[[View], View]:
    """Describe a GET."""
    parameters: list[Any] = [doc.query] if doc.query is not Query else []
    if doc.has_etag:
        parameters += [_request_header("If-None-Match", "Entity tags that you have: 304 where nothing changed."), ETAG]
    return _described(doc, parameters, [*ALWAYS, *_codes(OF_ALL)], doc.text)


def writes(doc: Doc, *, key_required: bool = False, has_body: bool = True) -> Callable[[View], View]:
    """Describe a POST, PUT or DELETE."""
    refusals = [*OF_ALL, *OF_KEYS, *([IdempotencyKeyRequired] if key_required else [])]
    parameters: list[Any] = [WriteQuery, _request_header("Idempotency-Key", "Such as a UUID.", required=key_required)]
    if doc.has_etag:
        refusals.append(PreconditionFailed)
        parameters.append(_request_header("If-Match", "Entity tag of the object as you know it: 412 if it changed."))
    codes = [*ALWAYS, *_codes(refusals), *(OF_BODIES if has_body else ())]
    return _described(doc, [*parameters, ETAG], codes, f"{doc.text}\n{KEY_TEXT}")


def _described(doc: Doc, parameters: list[Any], codes: Sequence[str], text: str) -> Callable[[View], View]:
    kinds = [PROBLEM_TYPES[code] for code in dict.fromkeys([*codes, *_codes(doc.refuses)])]
    statuses = sorted({kind.status for kind in kinds})
    replies: dict[Any, Any] = {(status, MEDIA_TYPE): _refusals(status, kinds) for status in statuses}
    if doc.out is not None:
        replies[(200, JSON)] = doc.out
    replies.update({(200, media): OpenApiTypes.BINARY for media in doc.media})
    if doc.status != 200:
        replies[doc.status] = doc.out if doc.status in (201, 202) else None
    if doc.has_etag and doc.query is not WriteQuery:
        replies[304] = None
    return extend_schema(
        operation_id=doc.operation_id,
        tags=[doc.tag],
        summary=doc.summary,
        description=text.strip(),
        parameters=[*parameters, *ALLOWANCE],
        request={JSON: doc.body} if doc.body else None,
        responses=replies,
    )


def _codes(refusals: Sequence[type[DomainError]]) -> list[str]:
    return [refusal.code for refusal in refusals]


def _refusals(status: int, kinds: Sequence[ProblemType]) -> OpenApiResponse:
    lines = [f"`{kind.code}`: {kind.meaning}" for kind in kinds if kind.status == status]
    return OpenApiResponse(ProblemOut, "\n\n".join(lines))


def _request_header(name: str, text: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, required=required, description=text)


ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Entity tag of the document, for `If-None-Match` and `If-Match`.",
    response=[200, 201, 202],
)
ALLOWANCE = [
    OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=text, response=True)
    for name, text in (
        ("RateLimit-Policy", "How many requests in how many seconds."),
        ("RateLimit", "How many are left (`r`), and in how many seconds they are all back (`t`)."),
    )
]
