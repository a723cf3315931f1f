"""Recording money that came in."""

from datetime import date

from django.db import transaction

from portal.audit.services import record
from portal.billing.models import AccountKind, BillingProfile, Invoice, Payment
from portal.billing.selectors.amounts import open_amount
from portal.billing.selectors.ledger import paid_ahead
from portal.billing.services.issuing import settle, use_prepaid
from portal.billing.services.ledger import Posting, account_of, post_entry
from portal.billing.states import InvoiceState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row, wait_for_turn
from portal.core.money import Money, round_money
from portal.tenancy.models import Organization

RECEIVED = "payment.received"


@transaction.atomic
def record_payment(
    *, actor: Actor, invoice: Invoice, amount: Money, reference: str, received_on: date | None = None
) -> Payment:
    """Record money for an issued invoice; with the last of it, it is paid.

    ``reference`` is the bank's. Raises StateConflict unless issued; InvalidInput on ``amount`` in another currency, of
    nothing or of more than is open, on ``reference`` for one that was recorded before, on ``received_on`` to come.
    """
    wait_for_turn(f"billing of {invoice.organization_id}")
    fresh = lock_row(Invoice, invoice.pk)
    if fresh.state != InvoiceState.ISSUED:
        raise StateConflict(f"{fresh} is {fresh.state}: nothing is to be paid.", extra={"state": fresh.state})
    left = open_amount(fresh)
    _check(amount, left.currency)
    if amount.amount > left.amount:
        raise InvalidInput.of("amount", "too_much", f"Only {left} is open: record the rest as paid ahead.")
    payment = write_payment(actor, fresh.organization, fresh, amount, reference, received_on)
    settle(actor=actor, invoice=fresh)
    invoice.refresh_from_db()
    return payment


@transaction.atomic
def record_prepayment(
    *, actor: Actor, organization: Organization, amount: Money, reference: str, received_on: date | None = None
) -> Payment:
    """Record money that is paid ahead; the next invoices in its currency are paid from it.

    So are the open ones of a customer that pays ahead, the oldest first. Raises InvalidInput as ``record_payment``
    does.
    """
    wait_for_turn(f"billing of {organization.pk}")
    _check(amount, amount.currency)
    payment = write_payment(actor, organization, None, amount, reference, received_on)
    if BillingProfile.objects.filter(organization=organization, is_prepaid=True).exists():
        waiting = Invoice.objects.filter(organization=organization, currency=amount.currency, state=InvoiceState.ISSUED)
        for invoice in waiting.order_by("issued_at", "pk"):
            if paid_ahead(organization, amount.currency).amount > 0:
                use_prepaid(actor=actor, invoice=invoice)
    return payment


def _check(amount: Money, currency: str) -> None:
    if amount.currency != currency:
        raise InvalidInput.of("amount", "other_currency", f"The invoice is in {currency}.")
    if amount.amount <= 0:
        raise InvalidInput.of("amount", "not_positive", "Give an amount of more than nothing.")


def write_payment(
    actor: Actor,
    organization: Organization,
    invoice: Invoice | None,
    amount: Money,
    reference: str,
    received_on: date | None,
    *,
    undoes: Payment | None = None,
    reason: str = "",
) -> Payment:
    """Write and post money that came in or, below nothing, went out; who calls it has the turn and looked at it.

    Raises InvalidInput on ``reference`` for none or one that was recorded before, on ``received_on`` to come.
    """
    today = clock.now().date()
    if not reference.strip():
        raise InvalidInput.of("reference", "required", "Give the bank's reference.")
    if received_on is not None and received_on > today:
        raise InvalidInput.of("received_on", "in_future", f"Choose a day up to today, {today:%d %b %Y}.")
    with refuse("billing_payment_reference_key", InvalidInput.of("reference", "duplicate", "It is recorded already.")):
        payment = Payment.objects.create(
            organization=organization,
            invoice=invoice,
            amount=round_money(amount.amount, amount.currency),
            currency=amount.currency,
            received_on=received_on or today,
            reference=reference.strip()[:80],
            undoes=undoes,
            reason=reason,
            recorded_by=actor.label[:200],
        )
    kind = AccountKind.RECEIVABLE if invoice else AccountKind.PREPAID
    legs = {
        account_of(AccountKind.CASH, amount.currency): amount.amount,
        account_of(kind, amount.currency, organization): -amount.amount,
    }
    what = f"for {invoice.number}" if invoice else "ahead"
    words = (
        f"{organization.name} paid {what}"
        if amount.amount > 0
        else f"Money that {organization.name} paid {what} went out"
    )
    posting = Posting(RECEIVED, payment.public_id, words, legs)
    post_entry(actor=actor, organization=organization, posting=posting)
    record(
        actor=actor,
        verb="payment.recorded",
        target=payment.public_id,
        scope=organization.public_id,
        data={"amount": amount.as_json(), "invoice": invoice.public_id if invoice else None, "reference": reference}
        | ({"undoes": undoes.public_id, "reason": reason} if undoes else {}),
    )
    return payment
