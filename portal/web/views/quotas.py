"""Quotas: the limits with their use, and asking for more."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.core.errors import InvalidInput, StateConflict
from portal.core.refusals import show_refusal
from portal.quotas.models import QuotaScope
from portal.quotas.selectors import quota_request_of, quota_requests_of, quotas_seen_by
from portal.quotas.services.limits import request_increase, withdraw_request
from portal.quotas.states import QuotaRequestState
from portal.reservations.quota_check import use_of
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.counts import quota_meters
from portal.web.forms.quotas import QuotaRequestForm
from portal.web.pages import tenant_page

INVALID = 422
PAGE_LENGTH = 20


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def quotas(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the limits, what is in use and what was asked for, and ask for more."""
    meters = quota_meters(use_of(quotas_seen_by(scope)))
    own = [row for row in meters if row.use.quota.scope is QuotaScope.PROJECT]
    form = QuotaRequestForm(
        request.POST or None,
        has_own_limits=bool(own),
        initial={name: request.GET.get(name, "") for name in ("server_type", "region")},
    )
    if request.method == "POST":
        scope.require(Verb.RESERVE)
        if form.is_valid():
            try:
                made = request_increase(scope=scope, actor=scope.actor, **form.cleaned_data)
            except InvalidInput as error:
                show_refusal(form, error)
            else:
                messages.success(request, f"Sales have your request for {made.limit} x {made.server_type.name}.")
                return redirect("web:quotas")
    context = {
        "meters": [row for row in meters if row.use.quota.scope is QuotaScope.ORGANIZATION],
        "own_meters": own,
        "form": form,
        "may_ask": scope.may(Verb.RESERVE),
        "page": Paginator(quota_requests_of(scope), PAGE_LENGTH).get_page(request.GET.get("page")),
        "pending": QuotaRequestState.PENDING,
    }
    return render(request, "web/pages/quotas.html", context, status=INVALID if form.is_bound else 200)


@tenant_page
@require_POST
def withdraw(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Take a pending request back."""
    found = quota_request_of(scope, public_id)
    try:
        withdraw_request(scope=scope, actor=scope.actor, request=found)
    except StateConflict:
        messages.error(request, "This request is answered already.")
    else:
        messages.success(request, f"Your request for {found.limit} x {found.server_type.name} is withdrawn.")
    return redirect("web:quotas")
