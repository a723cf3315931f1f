"""Money that did not come in after all, or went back to the customer: rows of their own, for payments never change."""

from django.db import transaction

from portal.audit.transitions import advance
from portal.billing.models import Invoice, Payment
from portal.billing.selectors.ledger import paid_ahead
from portal.billing.services.issuing import tell_of
from portal.billing.services.payments import write_payment
from portal.billing.states import InvoiceState
from portal.core.actors import Actor
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row, wait_for_turn
from portal.core.money import Money
from portal.tenancy.models import Organization

LONGEST_REASON = 200


@transaction.atomic
def undo_payment(*, actor: Actor, payment: Payment, reason: str) -> Payment:
    """Undo a payment that was recorded wrongly or that the bank took back; what it paid is open again.

    Raises InvalidInput on ``reason``; StateConflict for one that is undone already, that is itself money that went out,
    or that was paid ahead and is used.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidInput.of("reason", "length", f"Say why in 1 to {LONGEST_REASON} characters.")
    wait_for_turn(f"billing of {payment.organization_id}")
    if payment.amount <= 0:
        raise StateConflict("Only money that came in is undone: record what came in since.")
    if Payment.objects.filter(undoes=payment).exists():
        raise StateConflict(f"The payment {payment.reference} is undone already.")
    invoice = lock_row(Invoice, payment.invoice_id) if payment.invoice_id else None
    amount = Money(-payment.amount, payment.currency)
    if invoice is None:
        left = paid_ahead(payment.organization, payment.currency)
        if left.amount < payment.amount:
            raise StateConflict(f"Invoices were paid from it: only {left} is left of what was paid ahead.")
    made = write_payment(
        actor,
        payment.organization,
        invoice,
        amount,
        f"undoes {payment.public_id}",
        None,
        undoes=payment,
        reason=reason,
    )
    if invoice is not None and invoice.state == InvoiceState.PAID:
        scope = invoice.organization.public_id
        advance(invoice, InvoiceState.ISSUED, actor=actor, scope=scope, reason=reason, paid_at=None)
        tell_of(actor, invoice, "invoice.reopened", reason=reason)
    return made


@transaction.atomic
def record_refund(*, actor: Actor, organization: Organization, amount: Money, reference: str) -> Payment:
    """Record money that was paid ahead and went back to the customer; ``reference`` is the bank's.

    Raises InvalidInput on ``amount`` of nothing or of more than is left of what was paid ahead, and on ``reference``
    for none or one that was recorded before.
    """
    wait_for_turn(f"billing of {organization.pk}")
    left = paid_ahead(organization, amount.currency)
    if not 0 < amount.amount <= left.amount:
        raise InvalidInput.of("amount", "out_of_range", f"{left} is paid ahead: no more can go back.")
    return write_payment(actor, organization, None, Money(-amount.amount, amount.currency), reference, None)
