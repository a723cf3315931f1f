"""Searching for free servers."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.api_call import search_call
from portal.web.checks import checks_for
from portal.web.forms.plan import PlanForm
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
        context |= _results(request, scope, form)
    template = "web/parts/availability.html" if is_fragment(request) else "web/pages/availability.html"
    return render(request, template, context)


def _results(request: HttpRequest, scope: Scope, form: PlanForm) -> dict[str, Any]:
    plan = form.plan()
    pick = request.GET.get("pick", "")
    pools = pools_for(plan, scope.organization.currency)
    picked = next((pool for pool in pools if _key(pool) == pick), None)
    chosen = picked or next(iter(pools), None)
    checks = checks_for(scope, chosen.demand, chosen.price.total) if chosen else []
    can_order = all(check.passes for check in checks)
    rows = [
        {
            "pool": pool,
            "query": query_of(pool.demand, plan),
            "pick_query": urlencode({**form.data, "pick": _key(pool)}),
            "chosen": pool is chosen,
        }
        for pool in pools
    ]
    return {
        "plan": plan,
        "api_call": search_call(request, replace(plan, **_place(chosen))) if chosen else None,
        "rows": rows,
        "fitting": sum(pool.fits for pool in pools),
        "chosen": chosen,
        "pick": _key(picked) if picked else "",
        "chosen_query": query_of(chosen.demand, plan) if chosen else "",
        "checks": checks,
        "can_order": can_order,
        "offers": near(scope, chosen.demand, plan) if chosen and (can_order or not chosen.fits) else [],
    }


def _place(pool: Pool) -> dict[str, Any]:
    return {"server_type": pool.demand.server_type, "region": pool.demand.region}


def _key(pool: Pool) -> str:
    return f"{pool.demand.server_type.slug}@{pool.demand.region.code}"
