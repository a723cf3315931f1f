"""Choices of a person that touch no data: colours and the project to work in."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.tenancy.models import User
from portal.tenancy.selectors import projects_of
from portal.web.shell import THEME_COOKIE, THEMES

YEAR_S = 365 * 24 * 3600


def safe_next(request: HttpRequest, fallback: str = "/") -> str:
    """Return the address in ``next`` if it is one of ours, else ``fallback``."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if own else fallback


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the colours in a cookie, so that the next page comes in them at once."""
    reply = redirect(safe_next(request))
    chosen = request.POST.get("theme", "")
    if chosen in {value for value, _, _ in THEMES}:
        reply.set_cookie(THEME_COOKIE, chosen, max_age=YEAR_S, samesite="Lax", secure=request.is_secure())
    return reply


@require_POST
def project(request: HttpRequest) -> HttpResponse:
    """Work in another project of one's own from now on."""
    if not isinstance(request.user, User):
        return redirect("web:login")
    asked = request.POST.get("project", "")
    if asked not in {row.public_id for row in projects_of(request.user)}:
        raise Http404
    request.session["project"] = asked
    return redirect(safe_next(request))
