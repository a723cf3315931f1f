"""Mails about invoices. One that cannot be sent holds up nobody: the invoice stands on its page."""

import logging

from django.conf import settings
from django.core.mail import send_mail

from portal.billing.models import Invoice
from portal.tenancy.selectors import billing_addresses

log = logging.getLogger(__name__)


def tell_of_invoice(invoice: Invoice) -> None:
    """Tell those who see a customer's bills of one that was issued, and until when it is to be paid."""
    until = f" It is due on {invoice.due_at:%d %b %Y}." if invoice.due_at and not invoice.paid_at else ""
    text = (
        f"Invoice {invoice.number} for {invoice.month:%B %Y} comes to {invoice.to_pay}.{until}\n\n"
        f"{settings.METALYARD_PUBLIC_URL}/invoices/{invoice.public_id}\n"
    )
    try:
        send_mail(f"Invoice {invoice.number}", text, None, billing_addresses(invoice.organization))
    except OSError:
        # SMTP errors are OSErrors too.
        log.exception("nobody was told by mail of %s", invoice.public_id)
