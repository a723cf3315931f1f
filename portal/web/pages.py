"""What every page of a tenant has in common: a login, a scope, refusals as pages, and no copies in caches."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import quote, urlsplit

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from portal.core.errors import Forbidden, NotFound
from portal.core.request_id import request_id_of
from portal.tenancy.models import User
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import scope_of_user
from portal.web.shell import WebRequest

View = Callable[..., HttpResponse]
STOP_POLLING = 286
"""htmx stops asking when a polled address answers with this status (https://htmx.org/docs/#polling)."""


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of a page; when it rebuilds a page from history it wants the whole."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def _to_login(request: HttpRequest) -> HttpResponse:
    address = reverse("web:login")
    if is_fragment(request):
        # A redirect would put the login form into the fragment: the whole page has to go there, and come back.
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        wanted = f"{page.path}?{page.query}" if page.query else page.path
        return HttpResponse(headers={"HX-Redirect": f"{address}?ended=1&next={quote(wanted)}" if wanted else address})
    return redirect(f"{address}?next={quote(request.get_full_path())}")


def scope_of(request: HttpRequest, user: User) -> Scope:
    """Return the scope of the chosen project, or of the first where that choice no longer holds. Raises NotFound."""
    chosen = str(request.session.get("project", ""))
    try:
        return scope_of_user(user, chosen, request_id_of(request))
    except NotFound:
        if not chosen:
            raise
        del request.session["project"]
        return scope_of_user(user, "", request_id_of(request))


def tenant_page(view: View) -> View:
    """Give the view a scope as its second argument; people without one are led to where they can go."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return _to_login(request)
        try:
            scope = scope_of(request, user)
        except NotFound as error:
            return redirect("admin:index") if user.is_staff else _no_project(request, error)
        cast(WebRequest, request).scope = scope
        try:
            reply = view(request, scope, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.detail) from error
        except Forbidden as error:
            raise PermissionDenied(error.detail) from error
        reply.headers.setdefault("Cache-Control", "no-store")
        return reply

    return inner


def _no_project(request: HttpRequest, error: NotFound) -> HttpResponse:
    return render(request, "web/pages/no_project.html", {"detail": error.detail}, status=403)
