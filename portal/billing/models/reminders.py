"""Reminders of invoices that are overdue."""

from django.db import models
from django.db.models import Q

from portal.billing.models.invoices import Invoice
from portal.billing.reminders import Stage
from portal.core import clock
from portal.core.money import Money

STAGES = [(stage.value, stage.value) for stage in Stage]


class Reminder(models.Model):
    """That a customer was reminded of an invoice: once for each step of the table. Never changed."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="reminders", db_index=False)
    stage = models.CharField(max_length=12, choices=STAGES)
    sent_at = models.DateTimeField(default=clock.now, editable=False)
    sent_to = models.JSONField(help_text="E-mail addresses.")
    open_amount = models.DecimalField(max_digits=16, decimal_places=2, help_text="What was open then.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "stage"], name="reminder_once"),
            models.CheckConstraint(condition=Q(stage__in=[value for value, _ in STAGES]), name="reminder_stage_known"),
            models.CheckConstraint(condition=Q(open_amount__gt=0), name="reminder_of_something"),
        ]

    def __str__(self) -> str:
        """Return what it was."""
        return f"{self.stage} reminder"

    @property
    def value(self) -> Money:
        """What was open then, as money."""
        return Money(self.open_amount, self.invoice.currency)
