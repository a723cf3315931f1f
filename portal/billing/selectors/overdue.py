"""Invoices that should have been paid."""

from datetime import datetime

from django.db import models

from portal.billing.models import Invoice
from portal.billing.reminders import STEPS, shortest, step_to_come
from portal.billing.states import InvoiceState
from portal.core import clock


def to_remind_of(now: datetime) -> models.QuerySet[Invoice]:
    """Return the unpaid invoices that may need a reminder, those that have had the last one left out."""
    return (
        Invoice.objects.filter(state=InvoiceState.ISSUED, due_at__lte=now - shortest())
        .exclude(reminders__stage=STEPS[-1].stage.value)
        .order_by("pk")
    )


def next_reminder(invoice: Invoice) -> str:
    """Say when the next reminder of an invoice goes out if nothing is paid; empty where none will."""
    if invoice.state != InvoiceState.ISSUED or invoice.due_at is None:
        return ""
    step = step_to_come(clock.now() - invoice.due_at)
    return "" if step is None else f"{step.stage.value}, on {invoice.due_at + step.after:%d %b %Y}"
