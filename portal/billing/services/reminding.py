"""Reminding of invoices that are overdue. Rows say what was sent: whoever comes twice sends nothing twice."""

from functools import partial

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
from portal.core.mail import mail_people
from portal.tenancy.selectors import billing_addresses


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
    mail_people(
        step.subject.format(**words),
        step.text.format(**words),
        addresses,
        page=f"/invoices/{invoice.public_id}",
        otherwise=f"{invoice.public_id} is due",
    )
