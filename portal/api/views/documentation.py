"""The API about itself: its OpenAPI description, a page to read and try it, and the codes of its refusals.

No login: nothing here is a tenant's.
"""

from functools import cache
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.problem_types import PROBLEM_TYPES
from portal.api.serializers.problems import ProblemTypeOut
from portal.api.views.public import PublicView

HTML = "text/html"


@cache
def description() -> tuple[bytes, str]:
    """Return the OpenAPI description as JSON, and its entity tag; it changes only with the code."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    body: bytes = OpenApiJsonRenderer().render(schema)
    return body, f'"{sha256(body).hexdigest()[:32]}"'


@extend_schema(exclude=True)
class OpenAPIView(PublicView):
    """The OpenAPI description."""

    def get(self, request: Request) -> HttpResponse:
        """Give the description."""
        body, etag = description()
        return HttpResponse(body, content_type="application/json", headers={"ETag": etag})


@extend_schema(exclude=True)
class DocsView(PublicView):
    """The description as a page, in which requests can be tried."""

    def get(self, request: Request) -> HttpResponse:
        """Show the page."""
        return render(request._request, "api/docs.html")


@extend_schema(exclude=True)
class ProblemsView(PublicView):
    """What the ``type`` of a problem document points to."""

    def get(self, request: Request) -> HttpResponse | Response:
        """List the codes: as a page for browsers, as JSON for programs."""
        kinds = list(PROBLEM_TYPES.values())
        plain: HttpRequest = request._request
        if plain.get_preferred_type(["application/json", HTML]) == HTML:
            return render(plain, "api/problems.html", {"kinds": kinds})
        return Response({"data": documents(ProblemTypeOut, kinds), "next_cursor": None})
