"""Budgets with what is booked."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import DRY_RUN, Amount, Flag, Input, MoneyOut, Whole
from portal.api.serializers.quotas import QUOTA_SCOPES
from portal.quotas.models import Budget, QuotaScope
from portal.reservations.budget_check import BudgetUse, budget_use


class BudgetOut(serializers.Serializer[BudgetUse]):
    """What the organization, or this project of it, means to spend in each calendar month (UTC)."""

    id = serializers.CharField(source="budget.public_id", help_text="`bud_...`")
    scope = serializers.ChoiceField(choices=QUOTA_SCOPES, source="budget.scope", help_text="Whose spending it counts.")
    project = serializers.CharField(
        source="budget.project.public_id", allow_null=True, default=None, help_text="Null: the whole organization."
    )
    amount = MoneyOut(source="budget.value")
    warn_at = serializers.ListField(
        child=serializers.IntegerField(), source="budget.warn_at", help_text="Percents at which a mail goes out."
    )
    stops = serializers.BooleanField(source="budget.stops", help_text="Whether nothing beyond it is booked.")
    month = serializers.CharField(source="name", help_text="The present calendar month in UTC, such as `2030-01`.")
    booked = MoneyOut(help_text="Used or booked for that month at the agreed prices, before credits and tax.")
    percent = serializers.IntegerField(help_text="Whole percents of the amount that are booked.")


class WrittenBudgetOut(BudgetOut):
    """A budget after a write, or as it would be after it."""

    dry_run = DRY_RUN


class BudgetIn(Input[Budget]):
    """A budget; the one that there is for the same scope is replaced."""

    applies_to = serializers.ChoiceField(
        choices=QUOTA_SCOPES,
        default=QuotaScope.ORGANIZATION.value,
        help_text="Whose spending it counts: that of the organization, or that of this project.",
    )
    amount = Amount(help_text="For one calendar month, in the organization's currency: a decimal string.")
    warn_at = serializers.ListField(
        child=Whole(), default=list, help_text="Up to five percents from 1 to 200 at which a mail goes out."
    )
    stops = Flag(default=False, help_text="Whether to refuse what would go beyond it (`budget_exceeded`).")


def document_of(budget: Budget) -> dict[str, Any]:
    """Return one budget as the API writes it."""
    return dict(BudgetOut(budget_use([budget])[0]).data)
