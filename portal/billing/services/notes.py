"""Credit notes: what of an issued invoice is not owed after all."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from portal.audit.services import record
from portal.billing.models import AccountKind, CreditNote, Invoice
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.issuing import settle, tell_of
from portal.billing.services.ledger import Posting, account_of, post_entry
from portal.billing.services.numbering import CREDIT_NOTES, next_number
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row, wait_for_turn
from portal.core.money import Money, round_money

NOTED = "credit_note.issued"


@transaction.atomic
def issue_credit_note(*, actor: Actor, invoice: Invoice, net: Money, reason: str) -> CreditNote:
    """Take back ``net`` of an issued or paid invoice and the tax on it; what was paid of that is paid ahead then.

    Raises StateConflict for a draft or a void invoice; InvalidInput on ``net`` in another currency, of nothing, or of
    more than is left of the invoice, and on ``reason``.
    """
    wait_for_turn(f"billing of {invoice.organization_id}")
    fresh = lock_row(Invoice, invoice.pk)
    if fresh.state not in (InvoiceState.ISSUED, InvoiceState.PAID):
        raise StateConflict(f"{fresh} is {fresh.state}: it has nothing to take back.", extra={"state": fresh.state})
    if not reason.strip():
        raise InvalidInput.of("reason", "required", "Say why: it stands on the credit note.")
    tax = _tax_on(fresh, net)
    value = Money(net.amount + tax, fresh.currency)
    to_receivable = min(open_amount(fresh).amount, value.amount)
    note = CreditNote.objects.create(
        invoice=fresh,
        number=next_number(CREDIT_NOTES),
        net=net.amount,
        tax=tax,
        total=value.amount,
        reason=reason.strip()[:200],
        issued_at=clock.now(),
        issued_by=actor.label[:200],
    )
    organization, currency = fresh.organization, fresh.currency
    legs = {
        account_of(AccountKind.REVENUE, currency): net.amount,
        account_of(AccountKind.TAX, currency): tax,
        account_of(AccountKind.RECEIVABLE, currency, organization): -to_receivable,
        account_of(AccountKind.PREPAID, currency, organization): to_receivable - value.amount,
    }
    words = f"Credit note {note.number} for {fresh.number}"
    post_entry(actor=actor, organization=organization, posting=Posting(NOTED, note.public_id, words, legs))
    record(
        actor=actor,
        verb="credit_note.issued",
        target=note.public_id,
        scope=organization.public_id,
        data={"invoice": fresh.public_id, "total": value.as_json(), "reason": reason},
    )
    told = {"credit_note": note.public_id, "credit_note_number": note.number, "credited": value.as_json()}
    tell_of(actor, fresh, NOTED, reason=note.reason, **told)
    settle(actor=actor, invoice=fresh)
    invoice.refresh_from_db()
    return note


def _tax_on(invoice: Invoice, net: Money) -> Decimal:
    """Return the tax that goes with it; the last of an invoice takes all that is left of its tax."""
    if net.currency != invoice.currency:
        raise InvalidInput.of("net", "other_currency", f"The invoice is in {invoice.currency}.")
    noted = invoice.credit_notes.aggregate(net=Sum("net"), tax=Sum("tax"))
    left = invoice.subtotal - (noted["net"] or Decimal(0))
    tax_left = invoice.tax - (noted["tax"] or Decimal(0))
    if not 0 < net.amount <= left:
        raise InvalidInput.of("net", "out_of_range", f"Up to {Money(left, invoice.currency)} is left to take back.")
    if net.amount == left:
        return tax_left
    return min(round_money(net.amount * invoice.tax_rate.scaleb(-2), invoice.currency), tax_left)
