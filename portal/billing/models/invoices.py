"""Invoices and their lines."""

from decimal import Decimal

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q

from portal.billing.models.credits import CreditGrant
from portal.billing.states import INVOICE, InvoiceState
from portal.contracts.models import Contract
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import MINOR_UNITS, Money
from portal.reservations.models import Reservation
from portal.tenancy.models import Organization, Project


class LineKind(models.TextChoices):
    """What a line charges, or takes off."""

    COMMITTED = "committed", "Committed"
    OVERFLOW = "overflow", "Beyond the commitment"
    ON_DEMAND = "on_demand", "On demand"
    FEE = "fee", "Fee"
    SHORTFALL = "shortfall", "Up to the minimum"
    CORRECTION = "correction", "Correction"
    CREDIT = "credit", "Credit"


class Invoice(Identified, Stateful):
    """What a customer owes for a month in one currency. With its number it is issued and stays as it is."""

    ID_PREFIX = ids.Prefix.INVOICE
    STATES = INVOICE

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invoices", db_index=False)
    month = models.DateField(help_text="Its first day.")
    currency = models.CharField(max_length=3)
    number = models.CharField(max_length=20, null=True, blank=True, unique=True)
    subtotal = models.DecimalField(max_digits=16, decimal_places=2, help_text="Sum of its lines.")
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0))
    tax = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    total = models.DecimalField(max_digits=16, decimal_places=2)
    seller = models.JSONField(help_text="Who bills, as it was.")
    buyer = models.JSONField(help_text="Who is billed, as it was.")
    issued_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["organization", "-month"], name="invoice_by_month")]
        constraints = [
            known_state(INVOICE, "invoice_state_known"),
            models.UniqueConstraint(
                fields=["organization", "month", "currency"],
                condition=~Q(state=InvoiceState.VOID.value),
                name="invoice_once_a_month",
            ),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="invoice_currency_known"),
            models.CheckConstraint(condition=Q(month__day=1), name="invoice_first_day"),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, tax__gte=0, total=F("subtotal") + F("tax")), name="invoice_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(state=InvoiceState.VOID.value)
                | Q(state=InvoiceState.DRAFT.value, number__isnull=True, issued_at__isnull=True)
                | Q(
                    state__in=[InvoiceState.ISSUED.value, InvoiceState.PAID.value],
                    number__isnull=False,
                    issued_at__isnull=False,
                    due_at__isnull=False,
                ),
                name="invoice_number_when_issued",
            ),
        ]

    def __str__(self) -> str:
        """Return the number, or the id of what has none."""
        return self.number or self.public_id

    @property
    def to_pay(self) -> Money:
        """All of it, with tax."""
        return Money(self.total, self.currency)


class InvoiceLine(models.Model):
    """One line: how much of what at which rate. Written with its invoice and never changed."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=LineKind.choices)
    label = models.CharField(max_length=200)
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, related_name="invoice_lines", null=True, blank=True
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="lines", null=True, blank=True)
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, related_name="invoice_lines", null=True, blank=True
    )
    period = DateTimeRangeField(null=True, blank=True)
    gpu_hours = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    rate = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True, help_text="Per GPU-hour.")
    amount = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        ordering = ["invoice", "position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position_once"),
            models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="invoice_line_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=LineKind.CREDIT.value, grant__isnull=False, amount__lt=0)
                | (~Q(kind=LineKind.CREDIT.value) & Q(grant__isnull=True)),
                name="invoice_line_credit_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[LineKind.CREDIT.value, LineKind.CORRECTION.value]) | Q(amount__gte=0),
                name="invoice_line_not_negative",
            ),
        ]

    def __str__(self) -> str:
        """Return what it is for."""
        return self.label

    @property
    def value(self) -> Money:
        """The amount as money."""
        return Money(self.amount, self.invoice.currency)
