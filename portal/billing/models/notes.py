"""Credit notes: what is taken back of an invoice that was issued."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from portal.billing.models.invoices import Invoice
from portal.core import ids
from portal.core.models import Identified
from portal.core.money import Money


class CreditNote(Identified):
    """A part of an invoice, or all of it, that is not owed after all. It has a number of its own and never changes."""

    ID_PREFIX = ids.Prefix.CREDIT_NOTE

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=20, unique=True)
    net = models.DecimalField(max_digits=16, decimal_places=2)
    tax = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    total = models.DecimalField(max_digits=16, decimal_places=2)
    reason = models.CharField(max_length=200)
    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(net__gt=0, tax__gte=0, total=F("net") + F("tax")), name="credit_note_adds_up"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="credit_note_reason"),
        ]

    def __str__(self) -> str:
        """Return the number."""
        return self.number

    @property
    def value(self) -> Money:
        """All of it, with tax."""
        return Money(self.total, self.invoice.currency)
