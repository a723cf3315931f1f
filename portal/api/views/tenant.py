"""What all endpoints of tenants share: the token's scope, its allowance, and headers."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.authentication import caller_of
from portal.api.rate_limit import Allowance, allowance_of, policy_header
from portal.api.refusals import RateLimited
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


class TenantView(APIView):
    """A view for the bearers of API tokens."""

    http_method_names = ["get", "head", "post", "delete"]
    reads_count: ClassVar[bool] = True
    """Whether GET counts against the token's allowance; what clients poll does not."""
    allowance: Allowance | None = None

    def scope_for(self, verb: Verb) -> Scope:
        """Return the scope of the token. Raises Forbidden unless its role includes ``verb``."""
        scope = caller_of(self.request).scope
        scope.require(verb)
        return scope

    def check_throttles(self, request: Request) -> None:
        """Count the request. Raises RateLimited when it is one too many."""
        counts = self.reads_count or request.method not in ("GET", "HEAD")
        self.allowance = allowance_of(caller_of(request).token.public_id, counts=counts)
        if counts and self.allowance.is_exceeded:
            wait = self.allowance.reset_s
            raise RateLimited(
                f"This token may ask {self.allowance.limit} times a minute. Wait {wait} s, or wait for news with "
                "`?wait=` instead of asking often.",
                extra={"retry_after": wait},
            )

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add what every reply carries."""
        reply = super().finalize_response(request, response, *args, **kwargs)
        reply.headers.setdefault("Cache-Control", "private, no-cache")
        reply.headers["RateLimit-Policy"] = policy_header()
        if self.allowance:
            reply.headers["RateLimit"] = self.allowance.header()
        return reply
