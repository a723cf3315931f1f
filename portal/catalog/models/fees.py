"""One-off fees of a price book."""

from django.db import models
from django.db.models import Q

from portal.catalog.models.prices import PriceBook
from portal.core import ids
from portal.core.models import Identified


class FeeBasis(models.TextChoices):
    """How often a fee is owed."""

    ONCE = "once", "once"
    CONTRACT = "contract", "per contract"
    SERVER = "server", "per server"


class Fee(Identified):
    """What is owed once: by a customer, for each contract or for each server of it. In the currency of its book."""

    ID_PREFIX = ids.Prefix.FEE

    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="fees")
    name = models.CharField(max_length=80)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    per = models.CharField(max_length=12, choices=FeeBasis.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "name"], name="fee_once"),
            # PostgreSQL puts NaN above every number.
            models.CheckConstraint(condition=Q(amount__gte=0, amount__lt=10**12), name="fee_amount"),
            models.CheckConstraint(condition=Q(per__in=sorted(FeeBasis.values)), name="fee_basis"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name
