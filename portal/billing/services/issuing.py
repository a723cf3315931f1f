"""Issuing invoices, and taking them back."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal.audit.transitions import advance
from portal.billing.models import AccountKind, Entry, Invoice
from portal.billing.selectors.amounts import PREPAID_USED, credit_of, open_amount, paid_on
from portal.billing.selectors.ledger import paid_ahead
from portal.billing.services.ledger import Posting, account_of, post_entry, reversed_legs
from portal.billing.services.mails import tell_of_invoice
from portal.billing.services.numbering import INVOICES, next_number
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, wait_for_turn
from portal.webhooks.services.announcing import announce

ISSUED = "invoice.issued"


@transaction.atomic
def issue_invoice(*, actor: Actor, invoice: Invoice, at: datetime | None = None) -> Invoice:
    """Give a draft its number and post it; what is paid ahead pays it as far as it goes.

    From then on it stays as it is, and the customer gets a mail. ``at`` is given for one that was issued earlier,
    elsewhere. Raises StateConflict for one that is no draft.
    """
    wait_for_turn(f"billing of {invoice.organization_id}")
    fresh = lock_row(Invoice, invoice.pk)
    if fresh.state != InvoiceState.DRAFT:
        raise StateConflict(f"{fresh} is {fresh.state}: only a draft is issued.", extra={"state": fresh.state})
    issued_at = at or clock.now()
    advance(
        fresh,
        InvoiceState.ISSUED,
        actor=actor,
        scope=fresh.organization.public_id,
        number=next_number(INVOICES),
        issued_at=issued_at,
        due_at=issued_at + timedelta(days=int(fresh.buyer["payment_days"])),
    )
    _post(actor, fresh)
    _use_prepaid(actor, fresh, PREPAID_USED)
    tell_of(actor, fresh, ISSUED)
    settle(actor=actor, invoice=fresh)
    if at is None:
        transaction.on_commit(partial(tell_of_invoice, fresh))
    invoice.refresh_from_db()
    return fresh


def tell_of(actor: Actor, invoice: Invoice, event_type: str, **more: Any) -> None:
    """Tell the webhooks of all projects of an organization what became of one of its invoices."""
    told = {
        "id": invoice.public_id,
        "number": invoice.number,
        "state": invoice.state,
        "month": f"{invoice.month:%Y-%m}",
        "total": invoice.to_pay.as_json(),
        "due_at": clock.as_rfc3339(invoice.due_at) if invoice.due_at else None,
        **more,
    }
    announce(actor=actor, event_type=event_type, data=told, organization=invoice.organization)


def _post(actor: Actor, invoice: Invoice) -> None:
    """Post what is owed. What credits take off was posted when they were granted."""
    currency, charges = invoice.currency, invoice.subtotal + credit_of(invoice)
    if charges + invoice.tax == 0:
        return
    legs = {
        account_of(AccountKind.RECEIVABLE, currency, invoice.organization): charges + invoice.tax,
        account_of(AccountKind.REVENUE, currency): -charges,
        account_of(AccountKind.TAX, currency): -invoice.tax,
    }
    words = f"Invoice {invoice.number} to {invoice.organization.name}"
    posting = Posting(ISSUED, invoice.public_id, words, legs)
    post_entry(actor=actor, organization=invoice.organization, posting=posting)


@transaction.atomic
def use_prepaid(*, actor: Actor, invoice: Invoice) -> Invoice:
    """Pay what is open of an invoice from what was paid ahead since it was issued, as far as that goes.

    Raises StateConflict unless it is issued, and where nothing is paid ahead in its currency.
    """
    wait_for_turn(f"billing of {invoice.organization_id}")
    fresh = lock_row(Invoice, invoice.pk)
    if fresh.state != InvoiceState.ISSUED:
        raise StateConflict(f"{fresh} is {fresh.state}: nothing is to be paid.", extra={"state": fresh.state})
    before = Entry.objects.filter(reference=fresh.public_id, label__startswith=PREPAID_USED).count()
    if not _use_prepaid(actor, fresh, f"{PREPAID_USED}.later.{before + 1}"):
        raise StateConflict(f"Nothing is paid ahead in {fresh.currency}: record what came in.")
    settle(actor=actor, invoice=fresh)
    invoice.refresh_from_db()
    return fresh


def _use_prepaid(actor: Actor, invoice: Invoice, label: str) -> bool:
    held = paid_ahead(invoice.organization, invoice.currency).amount
    if held <= 0 or (part := min(held, open_amount(invoice).amount)) <= 0:
        return False
    legs = {
        account_of(AccountKind.PREPAID, invoice.currency, invoice.organization): part,
        account_of(AccountKind.RECEIVABLE, invoice.currency, invoice.organization): -part,
    }
    posting = Posting(label, invoice.public_id, f"Paid ahead, used for {invoice.number}", legs)
    post_entry(actor=actor, organization=invoice.organization, posting=posting)
    return True


def settle(*, actor: Actor, invoice: Invoice) -> None:
    """Note that an issued invoice is paid, where nothing of it is open any more. Call it with the invoice locked."""
    if invoice.state == InvoiceState.ISSUED and open_amount(invoice).amount == Decimal(0):
        scope = invoice.organization.public_id
        advance(invoice, InvoiceState.PAID, actor=actor, scope=scope, paid_at=clock.now())
        tell_of(actor, invoice, "invoice.paid")


@transaction.atomic
def void_invoice(*, actor: Actor, invoice: Invoice, reason: str) -> Invoice:
    """Take an invoice back: a draft is dropped, an issued one is undone in the ledger and its number stays used.

    What it charged is due again: with ``close_month`` of its month, or else on the next invoice. Raises StateConflict
    for one that is paid or void, and for one of which something is paid or taken back by a credit note.
    """
    wait_for_turn(f"billing of {invoice.organization_id}")
    fresh = lock_row(Invoice, invoice.pk)
    if paid_on(fresh) or fresh.credit_notes.exists():
        raise StateConflict(f"Something of {fresh} is paid or taken back already: write a credit note instead.")
    advance(fresh, InvoiceState.VOID, actor=actor, scope=fresh.organization.public_id, reason=reason)
    posted = Entry.objects.filter(Q(label=ISSUED) | Q(label__startswith=PREPAID_USED), reference=fresh.public_id)
    for entry in posted.order_by("pk"):
        posting = Posting(f"{entry.label}.void", fresh.public_id, f"Undone: {entry.words}", reversed_legs(entry))
        post_entry(actor=actor, organization=fresh.organization, posting=posting)
    if fresh.number is not None:
        tell_of(actor, fresh, "invoice.voided", reason=reason)
    invoice.refresh_from_db()
    return fresh
