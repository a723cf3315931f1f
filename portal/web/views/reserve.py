"""The reserve page: everything that will be committed to stands beside the button that commits."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.core.errors import DomainError, Forbidden, InsufficientCapacity
from portal.core.refusals import show_refusal
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.api_call import reserve_call
from portal.web.checks import checks_for
from portal.web.forms.plan import Plan, PlanForm
from portal.web.forms.reserve import ReserveForm
from portal.web.links import calendar_query
from portal.web.nearby import near
from portal.web.ordering import FORM_NAMES, place
from portal.web.pages import tenant_page
from portal.web.pools import price_of
from portal.web.resent import made_already
from portal.web.wording import money_text

INVALID = 422


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def reserve(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show price, end and terms of a plan with the form, and reserve."""
    scope.require(Verb.RESERVE)
    if request.method == "POST":
        return _take(request, scope) if "take" in request.POST else _order(request, scope)
    plan_form = PlanForm.of(request.GET.dict(), exact=True)
    if not plan_form.is_valid():
        # The search page says what is wrong with the plan and lets it be changed.
        return redirect(f"{reverse('web:availability')}?{request.GET.urlencode()}")
    return _page(request, scope, plan_form, ReserveForm.beside(scope, request.GET))


def _take(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the form with another plan, one that was offered, and with everything that was typed."""
    plan_form = PlanForm.of(QueryDict(request.POST["take"]).dict(), exact=True)
    typed = {name: request.POST.get(name, "") for name in ReserveForm.base_fields if name != "opened_at"}
    form = ReserveForm(scope=scope, initial=typed | {"ssh_keys": request.POST.getlist("ssh_keys")})
    return _page(request, scope, plan_form, form, status=200 if plan_form.is_valid() else INVALID)


def _order(request: HttpRequest, scope: Scope) -> HttpResponse:
    plan_form = PlanForm.of(request.POST.dict(), exact=True)
    form = ReserveForm(request.POST, scope=scope)
    # Both are checked, so that one reply names everything that is wrong.
    if not all([plan_form.is_valid(), form.is_valid()]):
        return _page(request, scope, plan_form, form, status=INVALID)
    plan = plan_form.plan()
    try:
        reservation = place(scope=scope, plan=plan, form=form)
    except Forbidden:
        raise
    except DomainError as error:
        before = made_already(scope=scope, plan=plan, form=form)
        if before:
            return redirect("web:reservation", before.public_id)
        show_refusal(form, error, FORM_NAMES)
        offers = near(scope, plan.demand, plan) if isinstance(error, InsufficientCapacity) else []
        return _page(request, scope, plan_form, form, status=error.status, offers=offers)
    messages.success(request, f"You reserved {reservation.name} for {money_text(reservation.total)}.")
    return redirect("web:reservation", reservation.public_id)


def _page(
    request: HttpRequest, scope: Scope, plan_form: PlanForm, form: ReserveForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"form": form, "plan_form": plan_form, "bad_forms": [f for f in (plan_form, form) if f.errors], **more}
    if plan_form.is_valid():
        plan = plan_form.plan()
        context |= _plan(scope, plan) | {"api_call": reserve_call(request, plan, form)}
    return render(request, "web/pages/reserve.html", context, status=status)


def _plan(scope: Scope, plan: Plan) -> dict[str, Any]:
    price = price_of(plan.demand, scope.organization.currency)
    return {
        "plan": plan,
        "demand": plan.demand,
        "price": price,
        "checks": checks_for(scope, plan.demand, price.total) if price else [],
        "calendar_query": calendar_query(plan.demand, plan, {}),
    }
