"""Tiers of support: how soon people answer, and what that costs."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from portal.core import ids
from portal.core.models import Identified


class SupportHours(models.TextChoices):
    """When people answer."""

    BUSINESS = "business", "Mon to Fri, 08:00 to 18:00 UTC"
    ALWAYS = "always", "around the clock"


class SupportTier(Identified):
    """How soon our people answer. A new version is a new row; what was sold stays as it was."""

    ID_PREFIX = ids.Prefix.SUPPORT_TIER

    slug = models.SlugField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, blank=True)
    hours = models.CharField(max_length=12, choices=SupportHours.choices)
    urgent_minutes = models.PositiveIntegerField(help_text="Until the first answer where a server is down.")
    normal_minutes = models.PositiveIntegerField(help_text="Until the first answer to anything else.")
    percent_of_spend = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(0), help_text="Of a month's charges; 0 is included."
    )
    is_default = models.BooleanField(default=False, help_text="Of who has chosen none.")
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ["slug", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="support_tier_version_once"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="support_tier_one_default"
            ),
            models.CheckConstraint(
                condition=Q(percent_of_spend__gte=0, percent_of_spend__lte=100), name="support_tier_percent"
            ),
            models.CheckConstraint(
                condition=Q(urgent_minutes__gt=0, normal_minutes__gte=F("urgent_minutes")), name="support_tier_answers"
            ),
            models.CheckConstraint(condition=Q(hours__in=sorted(SupportHours.values)), name="support_tier_hours"),
        ]

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.name} v{self.version}"
