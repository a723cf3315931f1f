"""How a customer is billed."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from portal.tenancy.models import Organization

MOST_DAYS = 365


class BillingProfile(models.Model):
    """What stands on a customer's invoices, and how they are paid. Each invoice keeps a copy of its own."""

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="billing_profile")
    legal_name = models.CharField(max_length=160, blank=True, default="", help_text="Empty: the organization's name.")
    address = models.TextField(blank=True, default="", max_length=600)
    country = models.CharField(max_length=2, blank=True, default="", help_text="ISO 3166 code.")
    tax_id = models.CharField("tax id", max_length=40, blank=True, default="")
    tax_rate = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text="Percent.",
    )
    payment_days = models.PositiveSmallIntegerField(
        default=30, validators=[MaxValueValidator(MOST_DAYS)], help_text="From the issue to when it is due."
    )
    po_number = models.CharField("PO number", max_length=60, blank=True, default="")
    is_prepaid = models.BooleanField(
        "prepaid", default=False, help_text="What comes in ahead pays open invoices too, the oldest first."
    )
    is_reviewed = models.BooleanField(
        "reviewed", default=False, help_text="Invoices wait as drafts until finance issues them."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tax_rate__gte=0, tax_rate__lte=100), name="billing_profile_tax_rate"),
            models.CheckConstraint(condition=Q(payment_days__lte=MOST_DAYS), name="billing_profile_payment_days"),
        ]

    def __str__(self) -> str:
        """Return whose it is."""
        return f"Billing of {self.organization}"
