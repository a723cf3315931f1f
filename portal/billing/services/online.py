"""Paying an invoice online: where to, and what came of it, once."""

from decimal import Decimal

from django.conf import settings
from django.db import transaction

from portal.audit.services import record
from portal.billing.models import Invoice, Payment
from portal.billing.provider import MOST_MINOR, Received, Wanted, is_configured, minor_units, payment_link
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.payments import record_payment, record_prepayment
from portal.core.actors import Actor, ActorKind
from portal.core.errors import NotFound, StateConflict
from portal.core.locks import wait_for_turn
from portal.core.money import Money

PROVIDER = Actor(ActorKind.SYSTEM, "stripe", "Stripe")


def payable_online(invoice: Invoice) -> bool:
    """Tell whether somebody can pay online what is open of an invoice."""
    left = open_amount(invoice)
    return is_configured() and left.amount > 0 and minor_units(left) <= MOST_MINOR


def start_payment(*, actor: Actor, invoice: Invoice) -> str:
    """Return the address of the page on which what is open of an invoice can be paid.

    Nothing is locked while the provider is asked. Its key is the invoice's id, so that asking twice is one payment;
    once part of it is paid, with what is left. Raises StateConflict where nothing can be paid online, and
    PaymentProviderUnavailable.
    """
    if not payable_online(invoice):
        raise StateConflict(f"{invoice} cannot be paid online.", extra={"state": invoice.state})
    left = open_amount(invoice)
    key = invoice.public_id if left == invoice.to_pay else f"{invoice.public_id}-{minor_units(left)}"
    page = f"{settings.METALYARD_PUBLIC_URL}/invoices/{invoice.public_id}"
    address = payment_link(Wanted(key, invoice.public_id, f"Invoice {invoice.number}", left, page))
    record(
        actor=actor,
        verb="invoice.payment_started",
        target=invoice.public_id,
        scope=invoice.organization.public_id,
        data={"amount": left.as_json()},
    )
    return address


@transaction.atomic
def take_payment(*, actor: Actor, received: Received) -> list[Payment]:
    """Record money that the provider says came in for an invoice, once however often it says so.

    What is more than is open by then is paid ahead: no money is lost. Raises NotFound for an unknown invoice.
    """
    invoice = Invoice.objects.filter(public_id=received.reference).first()
    if invoice is None:
        raise NotFound("There is no such invoice.")
    # The turn of everybody who books money of this customer: a second message sees what the first has recorded.
    wait_for_turn(f"billing of {invoice.organization_id}")
    if Payment.objects.filter(reference=received.payment).exists():
        return []
    invoice.refresh_from_db()
    amount, left = received.amount, open_amount(invoice)
    part = min(amount.amount, left.amount) if amount.currency == left.currency else Decimal(0)
    if part <= 0:
        return [_ahead(actor, invoice, amount, received.payment)]
    paid = Money(part, amount.currency)
    made = [record_payment(actor=actor, invoice=invoice, amount=paid, reference=received.payment)]
    if part < amount.amount:
        rest = Money(amount.amount - part, amount.currency)
        made.append(_ahead(actor, invoice, rest, f"{received.payment} (rest)"))
    return made


def _ahead(actor: Actor, invoice: Invoice, amount: Money, reference: str) -> Payment:
    return record_prepayment(actor=actor, organization=invoice.organization, amount=amount, reference=reference)
