"""Numbers without gaps: the last one that was given in each series."""

from django.db import models
from django.db.models import Q


class NumberSeries(models.Model):
    """A series of numbers. Its row is locked from a number's giving to the end of the transaction that uses it."""

    name = models.CharField(max_length=16, unique=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "number series"
        constraints = [models.CheckConstraint(condition=Q(last__gte=0), name="number_series_last")]

    def __str__(self) -> str:
        """Return the series and its last number."""
        return f"{self.name} {self.last}"
