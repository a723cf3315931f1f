"""One server: its page, the live part of it, and having something done with it."""

from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.core.errors import DomainError, Forbidden, NotFound, StateConflict
from portal.core.refusals import show_refusal
from portal.reservations.models import Allocation
from portal.reservations.selectors import server_of
from portal.reservations.states import AllocationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.pages import tenant_page
from portal.web.server_actions import ACTIONS, Action
from portal.web.server_page import live_context

INVALID = 422


@tenant_page
@require_safe
def server(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show a server that the project holds."""
    return render(request, "web/pages/server.html", live_context(scope, server_of(scope, public_id)))


@tenant_page
@require_safe
def live(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Answer the poll."""
    return render(request, "web/parts/server_live.html", live_context(scope, server_of(scope, public_id)))


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, scope: Scope, public_id: str, kind: str) -> HttpResponse:
    """Say what an action does and what it costs, and have it done."""
    found = server_of(scope, public_id)
    wanted = ACTIONS.get(kind)
    if wanted is None:
        raise NotFound("There is no such action.")
    scope.require(Verb.OPERATE)
    if found.state != AllocationState.SERVING:
        return _not_now(request, found, f"{found.hostname} is being taken back; nothing can be done with it any more.")
    data = request.POST if request.method == "POST" else None
    form = wanted.form(data, scope=scope, allocation=found)
    if not form.is_valid():
        return _ask(request, found, wanted, form, INVALID if form.is_bound else 200)
    try:
        wanted.act(scope, found, form.cleaned_data)
    except (Forbidden, NotFound):
        raise
    except StateConflict as error:
        return _not_now(request, found, error.detail)
    except DomainError as error:
        show_refusal(form, error)
        return _ask(request, found, wanted, form, error.status)
    messages.success(request, f"{wanted.title} of {found.hostname} was asked for.")
    return redirect("web:server", found.server.public_id)


def _ask(request: HttpRequest, found: Allocation, wanted: Action, form: Any, status: int) -> HttpResponse:
    drives = found.server.drives.aggregate(total=Sum("size_bytes"))
    context = {"it": found, "action": wanted, "form": form, "disk_bytes": drives["total"] or 0}
    return render(request, "web/pages/server_action.html", context, status=status)


def _not_now(request: HttpRequest, found: Allocation, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("web:server", found.server.public_id)
