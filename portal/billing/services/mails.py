"""Mails about invoices."""

from portal.billing.models import Invoice
from portal.core.mail import mail_people
from portal.tenancy.selectors import billing_addresses


def tell_of_invoice(invoice: Invoice) -> None:
    """Tell those who see a customer's bills of one that was issued, and until when it is to be paid."""
    until = f" It is due on {invoice.due_at:%d %b %Y}." if invoice.due_at and not invoice.paid_at else ""
    mail_people(
        f"Invoice {invoice.number}",
        f"Invoice {invoice.number} for {invoice.month:%B %Y} comes to {invoice.to_pay}.{until}",
        billing_addresses(invoice.organization),
        page=f"/invoices/{invoice.public_id}",
        otherwise=f"{invoice.public_id} is issued",
    )
