"""The availability calendar: what is free when, and a panel with what the chosen part of it costs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.core.errors import DomainError
from portal.reservations.selectors import open_quotes_of
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.api_call import search_call
from portal.web.checks import checks_for
from portal.web.forms.plan import Plan
from portal.web.forms.reserve import ReserveForm
from portal.web.forms.search import SearchForm
from portal.web.lanes import lanes_of
from portal.web.links import query_of
from portal.web.nearby import matches
from portal.web.pages import is_fragment, tenant_page
from portal.web.pools import Row, price_of, rows_for
from portal.web.windows import days_of, touched

FULL_PAGE, PART = "web/pages/availability.html", "web/parts/availability.html"
SHOWN_MATCHES = 3
INVALID = 422


@tenant_page
@require_safe
def availability(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show what is free when, what the chosen servers cost, and what is near."""
    return show(request, scope, PART if is_fragment(request) else FULL_PAGE)


def show(
    request: HttpRequest, scope: Scope, template: str = FULL_PAGE, *, refusal: DomainError | None = None
) -> HttpResponse:
    """Draw the page for the request's fields; after a refusal, with it."""
    asked = request.POST if request.method == "POST" else request.GET
    form = SearchForm.of(asked.dict())
    is_valid = form.is_valid()
    window = form.window()
    context: dict[str, Any] = {
        "form": form,
        "particulars": ReserveForm.beside(scope, asked),
        "window": window,
        "own": lanes_of(scope, window),
        "holds": [quote for quote in open_quotes_of(scope) if quote.is_hold],
        "may_reserve": scope.may(Verb.RESERVE),
        "hold_minutes": settings.METALYARD_HOLD_MINUTES,
        "refusal": refusal,
    }
    rows = rows_for(scope, form.wanted(), window)
    context |= _results(request, scope, form, rows) if is_valid else {"rows": rows}
    context["count"] = form.wanted()["count"] or 1
    return render(request, template, context, status=_status(request, refusal))


def _status(request: HttpRequest, refusal: DomainError | None) -> int:
    """Return the status: looking always succeeds; a wish that was sent is refused."""
    if refusal:
        return refusal.status
    return INVALID if request.method == "POST" else 200


def _results(request: HttpRequest, scope: Scope, form: SearchForm, rows: list[Row]) -> dict[str, Any]:
    plan = form.plan()
    chosen = _chosen(rows, form.data["pick"], plan)
    form.settle(plan, chosen.key if chosen else "")
    bar = days_of(plan.period)
    rows = [row.barred(*bar) if row is chosen else row for row in rows]
    context: dict[str, Any] = {"plan": plan, "rows": rows, "chosen": chosen}
    if chosen is None:
        return context
    demand = chosen.demand(plan)
    price = price_of(demand, scope.organization.currency)
    checks = checks_for(scope, demand, price.total) if price else []
    shown = {name: form.data[name] for name in ("type", "region", "view", "first")}
    return context | {
        "demand": demand,
        "price": price,
        "checks": checks,
        "fits": bool(checks) and checks[0].passes,
        "can_order": all(check.passes for check in checks),
        "matches": matches(scope, demand, plan, price, shown)[:SHOWN_MATCHES],
        "query": query_of(demand, plan),
        "api_call": search_call(request, demand, starts_now=plan.starts_now),
    }


def _chosen(rows: list[Row], pick: str, plan: Plan) -> Row | None:
    """Return the row that was picked; else the first that fits, as far as it is shown; else the first."""
    days = touched(plan.period)
    picked = next((row for row in rows if row.key == pick), None)
    return picked or next((row for row in rows if row.fits(*days)), None) or next(iter(rows), None)
