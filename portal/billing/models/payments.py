"""Money that came in."""

from django.db import models
from django.db.models import Q

from portal.billing.models.invoices import Invoice
from portal.core import ids
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS, Money
from portal.tenancy.models import Organization


class Payment(Identified):
    """Money of a customer that finance saw: for an invoice, or ahead of any. Never changed."""

    ID_PREFIX = ids.Prefix.PAYMENT

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(
        Invoice,
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
        help_text="Without one it is paid ahead.",
    )
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    received_on = models.DateField()
    reference = models.CharField(max_length=80, unique=True, help_text="The bank's: each is recorded once.")
    recorded_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_positive"),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="payment_currency_known"),
            models.CheckConstraint(condition=~Q(reference=""), name="payment_reference"),
        ]

    @property
    def value(self) -> Money:
        """The amount as money."""
        return Money(self.amount, self.currency)
