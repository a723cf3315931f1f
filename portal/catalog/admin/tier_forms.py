"""What a new version of a tier asks for."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import fields_for_model

from portal.audit.staff.forms import ActForm
from portal.catalog.admin.price_lines import LinesField
from portal.catalog.models import SlaTier, SupportTier

STEPS_HELP = (
    "One a line: below which availability of a server-month which percentage of its price is credited, such as "
    "99.5: 10. The first is at most the target; each further one is lower and credits more."
)
SLA_FIELDS = (
    "slug",
    "name",
    "target",
    "degraded_weight",
    "handover_minutes",
    "replacement_minutes",
    "late_credit_percent",
    "late_grace_minutes",
    "late_step_minutes",
    "maintenance_notice_hours",
    "maintenance_minutes_per_quarter",
    "may_defer_days",
)
SUPPORT_FIELDS = ("slug", "name", "summary", "hours", "urgent_minutes", "normal_minutes", "percent_of_spend")


class StepsField(LinesField):
    """Steps of credits."""

    def __init__(self) -> None:
        """Say how to write them."""
        super().__init__(rows=4, label="Credits", help_text=STEPS_HELP)

    def read(self, line: str) -> tuple[Decimal, Decimal]:
        """Return the step."""
        below, _, credit = line.partition(":")
        number = forms.DecimalField(min_value=0, max_value=100, max_digits=6, decimal_places=3)
        try:
            return number.clean(below), number.clean(credit)
        except ValidationError:
            raise ValidationError(f"{line}: write it such as 99.5: 10.", "unreadable") from None


class SlaTierForm(ActForm):
    """A service level."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the model's own fields, and the steps."""
        super().__init__(*args, **kwargs)
        for name, field in fields_for_model(SlaTier, SLA_FIELDS).items():
            self.add_field(name, field)
        self.add_field("steps", StepsField())

    def clean(self) -> dict[str, Any]:
        """Turn the steps into the model's two lists."""
        values = super().clean() or {}
        steps = values.pop("steps", [])
        return values | {"below": [below for below, _ in steps], "credits": [credit for _, credit in steps]}


class SupportTierForm(ActForm):
    """A tier of support."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the model's own fields."""
        super().__init__(*args, **kwargs)
        for name, field in fields_for_model(SupportTier, SUPPORT_FIELDS).items():
            self.add_field(name, field)


def sla_values(tier: SlaTier) -> dict[str, Any]:
    """Return what the next version of a service level begins with."""
    steps = "\n".join(f"{below}: {credit}" for below, credit in zip(tier.below, tier.credits, strict=True))
    return {name: getattr(tier, name) for name in SLA_FIELDS} | {"steps": steps}


def support_values(tier: SupportTier) -> dict[str, Any]:
    """Return what the next version of a support tier begins with."""
    return {name: getattr(tier, name) for name in SUPPORT_FIELDS}
