"""Reservations: the list, the page of one, and its live part."""

from typing import cast

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.core.errors import NotFound
from portal.reservations.selectors import quotes_of, reservation_of, reservations_of
from portal.reservations.states import LIVE, ReservationState
from portal.tenancy.models import User
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import projects_of
from portal.web.api_call import servers_call
from portal.web.counts import nav_counts
from portal.web.endings import rows_of
from portal.web.forms.confirm import TypedNameForm
from portal.web.pages import STOP_POLLING, tenant_page
from portal.web.reservation_page import live_context

PAGE_LENGTH = 50


@tenant_page
@require_safe
def reservations(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the project's reservations: the live ones, or all."""
    everything = reservations_of(scope)
    shows_all = request.GET.get("show") == "all"
    rows = everything if shows_all else everything.filter(state__in=LIVE)
    page = Paginator(rows, PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": rows_of(page),
        "may_reserve": scope.may(Verb.RESERVE),
        "shows_all": shows_all,
        "has_any": everything.exists(),
        "query": "show=all" if shows_all else "",
    }
    return render(request, "web/pages/reservations.html", context)


@tenant_page
@require_safe
def reservation(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show one reservation. Links in mails know nothing of the project that somebody works in at the moment."""
    try:
        found = reservation_of(scope, public_id)
    except NotFound:
        return _in_another_project(request, public_id)
    if found.state == ReservationState.HELD:
        held = quotes_of(scope).filter(reservation=found).first()
        if held:
            return redirect("web:quote", held.public_id)
    context = live_context(found) | {
        "may_release": scope.may(Verb.RELEASE),
        "release_form": TypedNameForm(wanted=found.name, prefix="release"),
        "api_call": servers_call(request, found.public_id),
    }
    return render(request, "web/pages/reservation.html", context)


def _in_another_project(request: HttpRequest, public_id: str) -> HttpResponse:
    """Offer to change to the project that the reservation is in. Raises NotFound where it is none of the person's."""
    project = projects_of(cast(User, request.user)).filter(reservations__public_id=public_id).first()
    if project is None:
        raise NotFound("You have no such reservation.")
    return render(request, "web/pages/other_project.html", {"project": project}, status=404)


@tenant_page
@require_safe
def live(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Answer the poll, and renew the numbers beside the navigation. A final state ends the polling."""
    found = reservation_of(scope, public_id)
    context = live_context(found) | {"may_release": scope.may(Verb.RELEASE), "counts": nav_counts(scope)}
    reply = render(request, "web/parts/reservation_poll.html", context)
    if context["poll_seconds"] is None:
        reply.status_code = STOP_POLLING
    return reply
