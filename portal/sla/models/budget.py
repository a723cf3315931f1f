"""How much of each tier's error budget is left, as it was worked out last."""

from django.db import models
from django.db.models import Q

from portal.catalog.models import SlaTier
from portal.core import clock
from portal.sla.burning import Level


class ErrorBudget(models.Model):
    """One tier's budget of the last 30 days. Burns are multiples of what would just use it up."""

    tier = models.OneToOneField(SlaTier, on_delete=models.PROTECT, related_name="+")
    left = models.DecimalField(max_digits=12, decimal_places=2, help_text="Percent; below 0 it is overdrawn.")
    burn_hour = models.DecimalField(max_digits=12, decimal_places=2)
    burn_six_hours = models.DecimalField(max_digits=12, decimal_places=2)
    burn_three_days = models.DecimalField(max_digits=12, decimal_places=2)
    level = models.CharField(max_length=8, choices=[(level.value, level.value) for level in Level])
    level_since = models.DateTimeField(default=clock.now)
    worked_out_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["tier"]
        constraints = [
            models.CheckConstraint(condition=Q(level__in=sorted(Level)), name="error_budget_level_known"),
        ]

    def __str__(self) -> str:
        """Return the tier and what is left."""
        return f"{self.tier}: {self.left} % left"
