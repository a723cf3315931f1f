"""Budgets: what is meant to be spent in a month, what is booked of it, and setting it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.core.errors import InvalidInput
from portal.core.refusals import show_refusal
from portal.quotas.selectors import budget_of, budgets_seen_by
from portal.quotas.services.budgets import remove_budget, set_budget
from portal.reservations.budget_check import BudgetUse, budget_use
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.counts import Meter
from portal.web.forms.budgets import BudgetForm
from portal.web.pages import tenant_page

INVALID = 422


@tenant_page
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the budgets with what is booked, and set one."""
    rows = budget_use(budgets_seen_by(scope))
    form = BudgetForm(request.POST or None, currency=scope.organization.currency)
    if request.method == "POST":
        scope.require(Verb.MANAGE_BUDGETS)
        if form.is_valid():
            try:
                made = set_budget(scope=scope, actor=scope.actor, **form.cleaned_data)
            except InvalidInput as error:
                show_refusal(form, error)
            else:
                messages.success(request, f"The budget of {made.owner} is {made.value} a month.")
                return redirect("web:budgets")
    context = {
        "rows": [(use, _meter(use)) for use in rows],
        "form": form,
        "may_set": scope.may(Verb.MANAGE_BUDGETS),
    }
    return render(request, "web/pages/budgets.html", context, status=INVALID if form.is_bound else 200)


def _meter(use: BudgetUse) -> Meter:
    budget = use.budget
    return Meter(budget.owner, use.booked.amount, budget.value.amount, budget.currency)


@tenant_page
@require_POST
def remove(request: HttpRequest, scope: Scope, public_id: str) -> HttpResponse:
    """Take a budget away."""
    budget = budget_of(scope, public_id)
    remove_budget(scope=scope, actor=scope.actor, budget=budget)
    messages.success(request, f"The budget of {budget.owner} is taken away.")
    return redirect("web:budgets")
