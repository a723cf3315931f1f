"""Who calls: a bearer token becomes the scope that the whole request works in."""

from dataclasses import dataclass
from ipaddress import ip_address

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.core.request_id import request_id_of
from portal.tenancy.models import APIToken
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import find_token, scope_of_token
from portal.tenancy.services import note_token_use

CHALLENGE = 'Bearer realm="metalyard"'


@dataclass(frozen=True)
class Caller:
    """A live token and its scope; the ``user`` of an API request."""

    token: APIToken
    scope: Scope

    @property
    def is_authenticated(self) -> bool:
        """Whether the caller is known: always, else there is no Caller."""
        return True


def bearer_of(request: HttpRequest | Request) -> str | None:
    """Return the token of the Authorization header (RFC 6750 section 2.1); None without the header.

    Raises AuthenticationFailed for another scheme or an empty token.
    """
    header: str | None = request.META.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed("Send the token as: Authorization: Bearer <token>.", code="invalid_token")
    return token.strip()


def address_of(request: HttpRequest | Request) -> str | None:
    """Return the peer's IP address; None where the server is reached through a Unix socket."""
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def caller_of(request: Request) -> Caller:
    """Return the caller of an authenticated request. Raises AuthenticationFailed where there is none."""
    caller = request.user
    if not isinstance(caller, Caller):
        raise AuthenticationFailed("Send an API token.", code="unauthenticated")
    return caller


def scope_of(request: Request) -> Scope:
    """Return the scope that an authenticated request works in."""
    return caller_of(request).scope


class TokenAuthentication(BaseAuthentication):
    """Accept ``Authorization: Bearer my_live_...``."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return the caller, or None without a header. Raises AuthenticationFailed for a token that opens nothing."""
        secret = bearer_of(request)
        if secret is None:
            return None
        token = find_token(secret)
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.", code="invalid_token")
        note_token_use(token=token, address=address_of(request))
        return Caller(token, scope_of_token(token, request_id_of(request._request))), None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 reply."""
        return CHALLENGE
