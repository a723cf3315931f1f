"""What the past was billed by: months measured and closed in order by their services, as if finance had been there."""

from datetime import date, timedelta

from portal.billing.models import Invoice
from portal.billing.months import next_month, span_of
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.closing import close_month
from portal.billing.services.credits import grant_credit
from portal.billing.services.issuing import issue_invoice
from portal.billing.services.payments import record_payment
from portal.billing.services.profiles import set_profile
from portal.core.actors import SYSTEM
from portal.launcher.demo.business.cast import DAY, Cast, past_months
from portal.sla.selectors import credits_to_invoice
from portal.sla.services.credits import mark_invoiced
from portal.sla.services.measuring import measure_month
from portal.tenancy.models import Organization

AFTER_CLOSE = timedelta(hours=1, minutes=4)
"""After a month's end its invoice was issued."""
PAID_AFTER = 11 * DAY


def seed_bills(cast: Cast) -> None:
    """Close the months of the first customer: the first is paid, the second overdue, the last just issued.

    The last one takes off what the outage of its month is credited with.
    """
    customer = cast.lumen.organization
    paid, overdue, last = past_months()
    for month in (paid, overdue, last):
        measure_month(actor=SYSTEM, month=month)
    # As drafts, so that each can be issued on the day on which it was.
    set_profile(
        actor=cast.finance,
        organization=customer,
        legal_name="Lumen Robotics, Inc.",
        address="410 Mill Street\nAustin, TX 78701",
        country="US",
        tax_id="US 88-1234567",
        payment_days=14,
        po_number="LR-20417",
        is_reviewed=True,
    )
    _pay(cast, _issued(cast, customer, paid))
    _issued(cast, customer, overdue)
    set_profile(actor=cast.finance, organization=customer, is_reviewed=False)
    _close_last(customer, last)


def _issued(cast: Cast, customer: Organization, month: date) -> Invoice:
    (draft,) = close_month(actor=SYSTEM, organization=customer, month=month)
    return issue_invoice(actor=cast.finance, invoice=draft, at=span_of(month).end + AFTER_CLOSE)


def _pay(cast: Cast, invoice: Invoice) -> None:
    on = span_of(invoice.month).end + PAID_AFTER
    record_payment(
        actor=cast.finance, invoice=invoice, amount=open_amount(invoice), reference="WIRE 88412", received_on=on.date()
    )
    Invoice.objects.filter(pk=invoice.pk).update(paid_at=on)


def _close_last(customer: Organization, month: date) -> None:
    """Close the month with the outage: its credits are granted first, so that its own invoice takes them off."""
    credits = list(credits_to_invoice(customer, next_month(month)))
    for credit in credits:
        grant_credit(
            actor=SYSTEM,
            organization=customer,
            amount=credit.money,
            label=f"{credit.tier} missed on {credit.server.name}, {month:%B %Y}",
            reference=credit.public_id,
            month=month,
        )
    (invoice,) = close_month(actor=SYSTEM, organization=customer, month=month)
    mark_invoiced(actor=SYSTEM, credits=credits, invoice=invoice.public_id)
