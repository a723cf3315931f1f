"""The content security policy of /admin/, apart from that of everybody else.

The staff theme brings the standard build of Alpine.js, which compiles expressions at run time and sets styles on
elements (https://github.com/alpinejs/alpine/blob/main/packages/docs/src/en/advanced/csp.md). Only these pages may.
"""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse

ADMIN = {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}


class StaffPolicyMiddleware:
    """Replace two directives on staff pages; stands after the middleware that writes the header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; mark a staff page's reply."""
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = ADMIN  # type: ignore[attr-defined]
        return response
