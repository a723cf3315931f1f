"""Setting budgets and taking them away. What they are held against is in ``portal.reservations.budget_check``."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, NotFound
from portal.core.locks import lock_row
from portal.core.money import quantum
from portal.quotas.models import Budget, QuotaScope
from portal.tenancy.models import Organization
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

MOST_AMOUNT = Decimal(1_000_000_000)
MOST_PERCENT = 200
MOST_WARNINGS = 5


@transaction.atomic
def set_budget(
    *,
    scope: Scope,
    actor: Actor,
    amount: Decimal,
    warn_at: Sequence[int] = (),
    stops: bool = False,
    applies_to: str = QuotaScope.ORGANIZATION,
) -> Budget:
    """Set what the organization, or the scope's project, means to spend a month, in the organization's currency.

    What is booked already stays. Raises Forbidden, and InvalidInput on ``amount`` for nothing, too much or finer than
    the currency, on ``warn_at`` for percents outside 1 to MOST_PERCENT and more than MOST_WARNINGS of them, and on
    ``applies_to``.
    """
    scope.require(Verb.MANAGE_BUDGETS)
    percents = sorted(set(warn_at))
    _check(scope.organization, amount, percents, applies_to)
    budget, _ = Budget.objects.update_or_create(
        organization=scope.organization,
        project=scope.project if applies_to == QuotaScope.PROJECT else None,
        defaults={"amount": amount, "currency": scope.organization.currency, "warn_at": percents, "stops": stops},
    )
    data = {"amount": budget.value.as_json(), "warn_at": percents, "stops": stops, "of": budget.scope.value}
    record(actor=actor, verb="budget.set", target=budget.public_id, scope=scope.organization.public_id, data=data)
    return budget


def _check(organization: Organization, amount: Decimal, percents: Sequence[int], applies_to: str) -> None:
    errors = []
    smallest = quantum(organization.currency)
    if not smallest <= amount <= MOST_AMOUNT:
        text = f"Give an amount from {smallest} to {MOST_AMOUNT:,} {organization.currency}, or take the budget away."
        errors.append(FieldError("amount", "out_of_range", text))
    elif amount % smallest:
        text = f"An amount in {organization.currency} is a multiple of {smallest}."
        errors.append(FieldError("amount", "too_fine", text))
    if len(percents) > MOST_WARNINGS or not all(1 <= percent <= MOST_PERCENT for percent in percents):
        text = f"Give up to {MOST_WARNINGS} whole percents from 1 to {MOST_PERCENT}, such as 50, 80 and 100."
        errors.append(FieldError("warn_at", "out_of_range", text))
    if applies_to not in QuotaScope.values:
        errors.append(FieldError("applies_to", "unknown", f"Choose one of: {', '.join(QuotaScope.values)}."))
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)


@transaction.atomic
def remove_budget(*, scope: Scope, actor: Actor, budget: Budget) -> None:
    """Take a budget away. Raises NotFound for another organization's or project's, and Forbidden."""
    if budget.organization_id != scope.organization.pk or budget.project_id not in (None, scope.project.pk):
        raise NotFound("Your organization has no such budget.")
    scope.require(Verb.MANAGE_BUDGETS)
    fresh = lock_row(Budget, budget.pk)
    data = {"amount": fresh.value.as_json(), "of": fresh.scope.value}
    record(actor=actor, verb="budget.removed", target=fresh.public_id, scope=scope.organization.public_id, data=data)
    fresh.delete()
