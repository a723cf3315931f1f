"""What the views share that need no login and hold no tenant's data."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.views import APIView


class AnyAccept(BaseContentNegotiation):
    """Leave it to the view what it answers with."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the only parser."""
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the only renderer, which writes refusals."""
        return renderers[0], renderers[0].media_type


class PublicView(APIView):
    """A view that anybody may use."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "head"]
