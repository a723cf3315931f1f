"""Changing a reservation: first what it comes to, then a button that does it; both work without scripts."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.core.errors import DomainError, Forbidden, NotFound, StateConflict
from portal.core.refusals import show_refusal
from portal.reservations.models import Reservation
from portal.reservations.selectors import reservation_of
from portal.tenancy.scope import Scope
from portal.web.changes import CHANGES, Answer, Change
from portal.web.consent import agreed_in
from portal.web.pages import tenant_page

INVALID = 422


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, scope: Scope, public_id: str, kind: str) -> HttpResponse:
    """Ask what is wanted, show what it comes to, and do it."""
    found = reservation_of(scope, public_id)
    wanted = CHANGES.get(kind)
    if wanted is None:
        raise NotFound("There is no such change.")
    scope.require(wanted.verb)
    if found.state not in wanted.states:
        messages.error(request, f"{found.name} is {found.state}; it can no longer be changed like this.")
        return redirect("web:reservation", found.public_id)
    if request.method == "POST":
        return _do(request, scope, found, wanted)
    form = _form(wanted, found, request.GET if set(wanted.form.base_fields) & set(request.GET) else None)
    answer = _look(scope, found, wanted, form)
    return _page(request, found, wanted, form, answer)


def _form(wanted: Change, found: Reservation, data: Any) -> forms.Form:
    return wanted.form(data, reservation=found)  # type: ignore[call-arg]


def _look(scope: Scope, found: Reservation, wanted: Change, form: forms.Form) -> Answer | None:
    """Return what a valid wish comes to; what is refused already is shown on the form."""
    if not form.is_valid():
        return None
    try:
        return wanted.look(scope, found, form.cleaned_data)
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        show_refusal(form, error)
        return None


def _do(request: HttpRequest, scope: Scope, found: Reservation, wanted: Change) -> HttpResponse:
    form = _form(wanted, found, request.POST)
    if not form.is_valid():
        return _page(request, found, wanted, form, None, status=INVALID)
    try:
        wanted.act(scope, found, form.cleaned_data, agreed_in(request, found.currency))
    except (Forbidden, NotFound):
        raise
    except StateConflict as error:
        messages.error(request, error.detail)
        return redirect("web:reservation", found.public_id)
    except DomainError as error:
        answer = _look(scope, found, wanted, form)
        if form.is_valid():
            show_refusal(form, error)
        return _page(request, found, wanted, form, answer, status=error.status)
    messages.success(request, wanted.done.format(name=found.name))
    return redirect("web:reservation", found.public_id)


def _page(
    request: HttpRequest, found: Reservation, wanted: Change, form: forms.Form, answer: Answer | None, status: int = 200
) -> HttpResponse:
    context = {"reservation": found, "change": wanted, "form": form, "answer": answer}
    return render(request, "web/pages/change.html", cast(dict[str, Any], context), status=status)
