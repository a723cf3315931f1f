"""What the past was billed by: months measured and closed in order by the services, as if finance had been there."""

from datetime import date, timedelta

from portal.billing.models import Invoice
from portal.billing.selectors.amounts import open_amount
from portal.billing.services.closing import close_month
from portal.billing.services.issuing import issue_invoice
from portal.billing.services.payments import record_payment
from portal.billing.services.profiles import set_profile
from portal.core.actors import SYSTEM
from portal.core.months import span_of
from portal.launcher.demo.business.cast import DAY, Cast, past_months
from portal.tenancy.models import Organization

AFTER_CLOSE = timedelta(hours=1, minutes=4)
"""After a month's end its invoice was issued."""
PAID_AFTER = 11 * DAY


def seed_bills(cast: Cast) -> None:
    """Close the months of the first customer: the first is paid, the second overdue, the last just issued.

    Closing a month measures it; so the last invoice takes off what the outage of its month is credited with.
    """
    customer = cast.lumen.organization
    paid, overdue, last = past_months()
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
    close_month(actor=SYSTEM, organization=customer, month=last)


def _issued(cast: Cast, customer: Organization, month: date) -> Invoice:
    (draft,) = close_month(actor=SYSTEM, organization=customer, month=month)
    return issue_invoice(actor=cast.finance, invoice=draft, at=span_of(month).end + AFTER_CLOSE)


def _pay(cast: Cast, invoice: Invoice) -> None:
    on = span_of(invoice.month).end + PAID_AFTER
    record_payment(
        actor=cast.finance, invoice=invoice, amount=open_amount(invoice), reference="WIRE 88412", received_on=on.date()
    )
    Invoice.objects.filter(pk=invoice.pk).update(paid_at=on)
