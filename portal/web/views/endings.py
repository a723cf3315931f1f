"""Ending a reservation early: release and cancel, each with a page that asks first and works without scripts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.core.errors import PriceChanged, StateConflict
from portal.core.refusals import show_refusal
from portal.reservations.models import Reservation
from portal.reservations.selectors import reservation_of
from portal.reservations.services import lifecycle
from portal.reservations.states import ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.consent import agreed_in
from portal.web.forms.confirm import TypedNameForm
from portal.web.pages import tenant_page
from portal.web.reservation_page import CANCELLABLE, ending_terms
from portal.web.wording import money_text

INVALID = 422


def _ask(request: HttpRequest, found: Reservation, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"reservation": found, **ending_terms(found)}
    return render(request, "web/pages/ending.html", context, status=status)


def _not_now(request: HttpRequest, found: Reservation, error: str) -> HttpResponse:
    messages.error(request, error)
    return redirect("web:reservation", found.public_id)


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Ask for the name, then end an active reservation now."""
    found = reservation_of(scope, public_id)
    scope.require(Verb.RELEASE)
    if found.state != ReservationState.ACTIVE:
        return _not_now(request, found, f"{found.name} is {found.state}; only an active reservation can be released.")
    form = TypedNameForm(request.POST or None, wanted=found.name, prefix="release")
    if request.method != "POST" or not form.is_valid():
        return _ask(request, found, INVALID if form.is_bound else 200, form=form, verb="release")
    try:
        agreed = agreed_in(request, found.currency)
        done = lifecycle.release(scope=scope, actor=scope.actor, reservation=found, agreed=agreed)
    except StateConflict as error:
        return _not_now(request, found, error.detail)
    except PriceChanged as error:
        show_refusal(form, error)
        return _ask(request, found, error.status, form=form, verb="release")
    messages.success(request, f"You released {found.name}. It comes to {money_text(done.total)} in all.")
    return redirect("web:reservation", found.public_id)


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Ask once, then call off a reservation that is not handed over."""
    found = reservation_of(scope, public_id)
    scope.require(Verb.RELEASE)
    if found.state not in CANCELLABLE:
        return _not_now(request, found, f"{found.name} is {found.state}; it can no longer be cancelled.")
    if request.method != "POST":
        return _ask(request, found, verb="cancel")
    try:
        agreed = agreed_in(request, found.currency)
        lifecycle.cancel(scope=scope, actor=scope.actor, reservation=found, agreed=agreed)
    except StateConflict as error:
        return _not_now(request, found, error.detail)
    except PriceChanged as error:
        messages.error(request, error.detail)
        return _ask(request, found, error.status, verb="cancel")
    messages.success(request, f"You cancelled {found.name}.")
    return redirect("web:reservation", found.public_id)
