"""Quotes: the page on which a quote is accepted or given up, and the list of open ones."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.core import clock
from portal.core.errors import DomainError, Forbidden, QuoteExpired, StateConflict
from portal.core.refusals import show_refusal
from portal.reservations.models import Quote
from portal.reservations.selectors import open_quotes_of, quote_of
from portal.reservations.services.quotes import withdraw as withdraw_quote
from portal.reservations.states import QuoteState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.reserve import ReserveForm
from portal.web.links import demand_fields
from portal.web.ordering import FORM_NAMES, take
from portal.web.pages import tenant_page
from portal.web.wording import money_text

INVALID = 422


@tenant_page
@require_safe
def quotes(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the quotes that can be accepted, those that hold capacity first."""
    return render(
        request, "web/pages/quotes.html", {"quotes": open_quotes_of(scope), "may_reserve": scope.may(Verb.RESERVE)}
    )


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def quote(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Show a quote with how long it is good for, and accept it."""
    found = quote_of(scope, public_id)
    if request.method == "POST":
        return _accept(request, scope, found)
    if found.state == QuoteState.ACCEPTED and found.reservation:
        return redirect("web:reservation", found.reservation.public_id)
    return _page(request, scope, found, ReserveForm.beside(scope, request.GET))


def _accept(request: HttpRequest, scope: Scope, found: Quote) -> HttpResponse:
    scope.require(Verb.RESERVE)
    form = ReserveForm(request.POST, scope=scope)
    if not form.is_valid():
        return _page(request, scope, found, form, status=INVALID)
    try:
        reservation = take(scope=scope, quote=found, form=form)
    except Forbidden:
        raise
    except DomainError as error:
        if isinstance(error, StateConflict) and error.extra.get("reservation"):
            # Its button was pressed twice: there is one reservation, and this is it.
            return redirect("web:reservation", error.extra["reservation"])
        found.refresh_from_db()
        if not isinstance(error, QuoteExpired):
            show_refusal(form, error, FORM_NAMES)
        return _page(request, scope, found, form, status=error.status)
    messages.success(request, f"You reserved {reservation.name} for {money_text(reservation.total)}.")
    return redirect("web:reservation", reservation.public_id)


def _page(request: HttpRequest, scope: Scope, found: Quote, form: ReserveForm, *, status: int = 200) -> HttpResponse:
    now = clock.now()
    is_open = found.state == QuoteState.OPEN and found.expires_at > now and found.span.end > now
    context: dict[str, Any] = {
        "quote": found,
        "price": found.as_price(),
        "form": form,
        "is_open": is_open,
        "is_withdrawn": found.state == QuoteState.WITHDRAWN,
        "may_reserve": scope.may(Verb.RESERVE),
        "again": demand_fields(found),
    }
    return render(request, "web/pages/quote.html", context, status=status)


@tenant_page
@require_POST
def withdraw(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Give a quote up; what it held is free again."""
    found = quote_of(scope, public_id)
    try:
        withdraw_quote(scope=scope, actor=scope.actor, quote=found)
    except StateConflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"You gave up the quote for {found.count} x {found.server_type.name}.")
    return redirect("web:quotes")
