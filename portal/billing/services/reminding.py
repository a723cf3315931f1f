"""Reminding of invoices that are overdue. Rows say what was sent: whoever comes twice sends nothing twice."""

import logging
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from portal.audit.services import record
from portal.billing.models import Invoice, Reminder
from portal.billing.reminders import Step, step_due
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.issuing import tell_of
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.tenancy.selectors import billing_addresses

log = logging.getLogger(__name__)


@transaction.atomic
def remind(*, actor: Actor, invoice: Invoice) -> Reminder | None:
    """Send the reminder that an invoice should get now, if there is one. None for what is paid, void or not late."""
    fresh = lock_row(Invoice, invoice.pk)
    left = open_amount(fresh)
    if fresh.state != InvoiceState.ISSUED or fresh.due_at is None or left.amount <= 0:
        return None
    step = step_due(clock.now() - fresh.due_at, set(fresh.reminders.values_list("stage", flat=True)))
    if step is None:
        return None
    addresses = billing_addresses(fresh.organization, step.roles) or billing_addresses(fresh.organization)
    made = Reminder.objects.create(
        invoice=fresh, stage=step.stage.value, sent_to=addresses, open_amount=left.amount, sent_at=clock.now()
    )
    record(
        actor=actor,
        verb="invoice.reminded",
        target=fresh.public_id,
        scope=fresh.organization.public_id,
        data={"stage": step.stage.value, "open": left.as_json(), "recipients": len(addresses)},
    )
    tell_of(actor, fresh, "invoice.reminded", stage=step.stage.value, open=left.as_json())
    words = {"number": str(fresh), "open": str(left), "due": f"{fresh.due_at:%d %b %Y}"}
    transaction.on_commit(partial(_mail, fresh, step, words, addresses))
    return made


def _mail(invoice: Invoice, step: Step, words: dict[str, str], addresses: list[str]) -> None:
    page = f"{settings.METALYARD_PUBLIC_URL}/invoices/{invoice.public_id}"
    try:
        send_mail(step.subject.format(**words), f"{step.text.format(**words)}\n\n{page}\n", None, addresses)
    except OSError:
        # SMTP errors are OSErrors too. It holds up nobody: the invoice's page says that it is overdue.
        log.exception("%s was not reminded of by mail", invoice.public_id)
