"""Searching for free servers."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.checks import checks_for
from portal.web.forms.plan import Plan, PlanForm
from portal.web.nearby import near
from portal.web.pages import is_fragment, tenant_page
from portal.web.pools import Pool, pools_for, query_of


@tenant_page
@require_safe
def availability(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show what fits a search, what it costs, and what is near where nothing fits."""
    form = PlanForm.of(request.GET.dict())
    context: dict[str, Any] = {"form": form, "may_reserve": scope.may(Verb.RESERVE)}
    if form.is_valid():
        context |= _results(scope, form.plan(), request.GET.get("pick", ""))
    template = "web/parts/availability.html" if is_fragment(request) else "web/pages/availability.html"
    return render(request, template, context)


def _results(scope: Scope, plan: Plan, pick: str) -> dict[str, Any]:
    currency = scope.organization.currency
    pools = pools_for(plan, currency)
    chosen = next((pool for pool in pools if _key(pool) == pick), None) or next(iter(pools), None)
    rows = [
        {
            "pool": pool,
            "key": _key(pool),
            "query": query_of(pool.demand, plan),
            "chosen": pool is chosen,
        }
        for pool in pools
    ]
    return {
        "plan": plan,
        "rows": rows,
        "chosen": chosen,
        "chosen_query": query_of(chosen.demand, plan) if chosen else "",
        "checks": checks_for(scope.organization, chosen.demand) if chosen else [],
        "offers": near(scope, chosen.demand, plan) if chosen else [],
        "anything_fits": any(pool.fits for pool in pools),
    }


def _key(pool: Pool) -> str:
    return f"{pool.demand.server_type.slug}@{pool.demand.region.code}"
