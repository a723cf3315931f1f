"""Warning of budgets that are used up: one mail for each percent that a month has come to, once."""

from functools import partial

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.core.mail import mail_people
from portal.quotas.models import Budget, BudgetWarning
from portal.reservations.budget_check import BudgetUse, budget_use
from portal.tenancy.selectors import billing_addresses
from portal.webhooks.services.announcing import announce


@transaction.atomic
def warn(*, actor: Actor, budget: Budget) -> bool:
    """Warn of a budget if the present month has come to one of its percents. Returns whether it was warned of now.

    What has come to several at once is one mail, about the highest. A new amount is warned of anew.
    """
    fresh = lock_row(Budget, budget.pk)
    use = budget_use([fresh])[0]
    month = use.month.start.date()
    told = set(fresh.warnings.filter(month=month, amount=fresh.amount).values_list("percent", flat=True))
    reached = [percent for percent in fresh.warn_at if percent <= use.percent and percent not in told]
    if not reached:
        return False
    alike = {"budget": fresh, "month": month, "amount": fresh.amount}
    BudgetWarning.objects.bulk_create([BudgetWarning(percent=percent, **alike) for percent in reached])
    record(
        actor=actor,
        verb="budget.warned",
        target=fresh.public_id,
        scope=fresh.organization.public_id,
        data={"percents": reached, "month": use.name, "booked": use.booked.as_json()},
    )
    if max(reached) > max(told, default=0):
        _announce(actor, use, max(reached))
        transaction.on_commit(partial(_mail, use, max(reached)))
    return True


def _announce(actor: Actor, use: BudgetUse, percent: int) -> None:
    budget = use.budget
    told = {
        "id": budget.public_id,
        "scope": budget.scope.value,
        "project": budget.project.public_id if budget.project else None,
        "month": use.name,
        "percent": percent,
        "amount": budget.value.as_json(),
        "booked": use.booked.as_json(),
        "stops": budget.stops,
    }
    homes = [budget.project] if budget.project else None
    announce(actor=actor, event_type="budget.reached", data=told, projects=homes, organization=budget.organization)


def _mail(use: BudgetUse, percent: int) -> None:
    budget = use.budget
    consequence = (
        "Nothing that goes beyond it is booked any more, until you raise it.\n"
        if budget.stops
        else "It only warns: whoever may reserve still can.\n"
    )
    mail_people(
        f"{percent} % of the budget of {budget.owner} for {use.name} are booked",
        f"{use.booked} are booked for {use.name}, of the {budget.value} that {budget.owner} means to spend in the "
        f"month (UTC). That is before credits and tax.\n{consequence}",
        billing_addresses(budget.organization),
        page="/budgets",
        otherwise=f"{percent} % of {budget.public_id} are booked",
    )
