"""The waiting list: joining it with a demand, the place in the queue, and the offers."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.core.errors import DomainError, Forbidden, StateConflict
from portal.core.refusals import show_refusal
from portal.reservations.selectors import waitlist_entry_of, waitlist_listed
from portal.reservations.services import waitlist
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.waitlist import WaitlistForm
from portal.web.pages import tenant_page
from portal.web.waiting import waiting_rows

INVALID = 422
PAGE_LENGTH = 50
FIELDS = {"server_type": "type", "duration": "length", "earliest": "start"}
"""What the service calls a field, and what the form calls it."""


@tenant_page
@require_safe
def entries(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List what the project waits for, with its place in the queue, and what is offered to it."""
    page = Paginator(waitlist_listed(scope), PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {"page": page, "rows": waiting_rows(page), "may_reserve": scope.may(Verb.RESERVE)}
    return render(request, "web/pages/waitlist.html", context)


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Ask until when and for how much, and join the queue."""
    scope.require(Verb.RESERVE)
    if request.method != "POST":
        return render(request, "web/pages/waitlist_join.html", {"form": WaitlistForm.beside(request.GET.dict())})
    form = WaitlistForm(request.POST, exact=True)
    status = INVALID
    if form.is_valid():
        try:
            made = waitlist.join(scope=scope, actor=scope.actor, request=form.request())
        except Forbidden:
            raise
        except DomainError as error:
            show_refusal(form, error, FIELDS)
            status = error.status
        else:
            messages.success(request, f"You wait for {made.count} x {made.server_type.name}. We write to you.")
            return redirect("web:waitlist")
    return render(request, "web/pages/waitlist_join.html", {"form": form}, status=status)


@tenant_page
@require_POST
def leave(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Leave the queue; an open offer is given up with it."""
    entry = waitlist_entry_of(scope, public_id)
    try:
        waitlist.leave(scope=scope, actor=scope.actor, entry=entry)
    except StateConflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"You no longer wait for {entry.count} x {entry.server_type.name}.")
    return redirect("web:waitlist")
