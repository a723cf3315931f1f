"""Holding capacity while somebody decides."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from portal.core.errors import DomainError, Forbidden
from portal.reservations.request import QuoteRequest
from portal.reservations.services.quotes import make_quote
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.forms.plan import PlanForm
from portal.web.pages import tenant_page
from portal.web.views.availability import show

CARRIED = ("typed", "name", "image", "ssh_keys")
"""What was typed beside the calendar and goes along to the quote's page."""


@tenant_page
@require_POST
def hold(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Hold what was chosen; what is refused is shown where it was chosen."""
    scope.require(Verb.RESERVE)
    form = PlanForm.of(request.POST.dict(), exact=True)
    if not form.is_valid():
        return show(request, scope)
    demand = form.plan().demand
    wanted = QuoteRequest(
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        starts_at=demand.period.start,
        ends_at=demand.period.end,
        placement=demand.placement,
        fabric=demand.fabric,
    )
    try:
        made = make_quote(scope=scope, actor=scope.actor, request=wanted, hold=True)
    except Forbidden:
        raise
    except DomainError as error:
        return show(request, scope, refusal=error)
    typed = [(name, value) for name in CARRIED for value in request.POST.getlist(name) if value]
    return redirect(f"{reverse('web:quote', args=[made.public_id])}?{urlencode(typed)}")
