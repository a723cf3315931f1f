"""Credits: what a customer is given, and is taken off its next invoices by itself."""

from django.db import models
from django.db.models import Q

from portal.core import ids
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS, Money
from portal.tenancy.models import Organization


class CreditGrant(Identified):
    """Money that is taken off a customer's invoices until it is used up. What is left is told by their lines."""

    ID_PREFIX = ids.Prefix.GRANT

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="credit_grants")
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    label = models.CharField(max_length=200, help_text="What the invoice says.")
    reference = models.CharField(max_length=80, unique=True, help_text="What it is for: granted once.")
    month = models.DateField(help_text="First day of the month that it is for.")
    granted_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("ask_credit", "Can ask for credit for a customer"),
            ("decide_credit", "Can decide on credit for a customer"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_grant_positive"),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="credit_grant_currency_known"),
            models.CheckConstraint(condition=Q(month__day=1), name="credit_grant_first_day"),
        ]

    @property
    def value(self) -> Money:
        """All of it."""
        return Money(self.amount, self.currency)
