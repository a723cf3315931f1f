"""Money that came in."""

from django.db import models
from django.db.models import Q

from portal.billing.models.invoices import Invoice
from portal.core import ids
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS, Money
from portal.tenancy.models import Organization


class Payment(Identified):
    """Money of a customer that finance saw: for an invoice, or ahead of any. Never changed.

    Below nothing it went out again: it undoes another payment, or gives back what was paid ahead.
    """

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
    undoes = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        related_name="undone_by",
        null=True,
        blank=True,
        help_text="What it takes back.",
    )
    reason = models.CharField(max_length=200, blank=True, default="", help_text="Why that was taken back.")
    recorded_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, undoes=None)
                | Q(amount__lt=0, undoes__isnull=False) & ~Q(reason="")
                | Q(amount__lt=0, undoes=None, invoice=None),
                name="payment_direction",
            ),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="payment_currency_known"),
            models.CheckConstraint(condition=~Q(reference=""), name="payment_reference"),
        ]

    @property
    def value(self) -> Money:
        """The amount as money."""
        return Money(self.amount, self.currency)
