"""Promises: tiers of service levels, and what is credited when one is missed."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from portal.core import ids
from portal.core.models import Identified

ALL = Decimal(100)


class SlaTier(Identified):
    """What is promised for a server-month, and what is credited when it is missed. A new version is a new row.

    ``below`` and ``credits`` belong together: with a measured availability below ``below[i]`` percent, ``credits[i]``
    percent of the month's price of the server are credited. The deepest step that was missed counts, alone.
    """

    ID_PREFIX = ids.Prefix.SLA_TIER

    slug = models.SlugField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=80)
    target = models.DecimalField(
        max_digits=6, decimal_places=3, help_text="Promised availability of a server-month, in percent."
    )
    below = ArrayField(models.DecimalField(max_digits=6, decimal_places=3), help_text="Percent, highest first.")
    credits = ArrayField(
        models.DecimalField(max_digits=5, decimal_places=2), help_text="Percent, for each of the above."
    )
    degraded_weight = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=Decimal(0),
        help_text="Which part of a degraded minute counts as down: 0 to 1.",
    )
    handover_minutes = models.PositiveIntegerField(help_text="After the start, until which a server is handed over.")
    replacement_minutes = models.PositiveIntegerField(help_text="From a failure to a server in its place.")
    late_credit_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        help_text="Of a day's price of the server, for each started late_step_minutes beyond the grace.",
    )
    late_grace_minutes = models.PositiveIntegerField(default=120)
    late_step_minutes = models.PositiveIntegerField(default=120)
    maintenance_notice_hours = models.PositiveIntegerField(help_text="Ahead of planned maintenance.")
    maintenance_minutes_per_quarter = models.PositiveIntegerField(default=240)
    may_defer_days = models.PositiveIntegerField(default=0, help_text="For how long a tenant may put maintenance off.")
    is_default = models.BooleanField(default=False, help_text="Of what is reserved without a contract.")
    is_offered = models.BooleanField(default=True)

    class Meta:
        verbose_name = "SLA tier"
        ordering = ["slug", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="sla_tier_version_once"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="sla_tier_one_default"),
            models.CheckConstraint(condition=Q(target__gt=0, target__lte=100), name="sla_tier_target"),
            models.CheckConstraint(
                condition=Q(degraded_weight__gte=0, degraded_weight__lte=1), name="sla_tier_degraded"
            ),
            models.CheckConstraint(condition=Q(below__len=F("credits__len")), name="sla_tier_steps_whole"),
            models.CheckConstraint(condition=Q(late_step_minutes__gt=0), name="sla_tier_late_step"),
            models.CheckConstraint(
                condition=Q(late_credit_percent__gte=0, late_credit_percent__lte=100), name="sla_tier_late_credit"
            ),
        ]

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.name} v{self.version}"

    def credit_for(self, measured: Decimal) -> Decimal:
        """Return which percentage of a server-month's price is credited at a measured availability in percent. Pure.

        Nothing at or above the target. Raises ValueError for what is not between 0 and 100.
        """
        if not (measured.is_finite() and 0 <= measured <= ALL):
            raise ValueError("An availability is a percentage from 0 to 100.")
        missed = [credit for below, credit in zip(self.below, self.credits, strict=True) if measured < below]
        return max(missed, default=Decimal(0))
