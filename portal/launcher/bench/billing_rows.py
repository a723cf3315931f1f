"""In a child that is the portal on a filled database: close last month for every customer."""

import time
from typing import Any

from portal.billing.models import Invoice, InvoiceLine, UsageRecord
from portal.billing.selectors.ledger import unbalanced
from portal.billing.services.closing import close_month
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.months import month_of, previous_month
from portal.reservations.models import Reservation
from portal.tenancy.models import Organization


def close(_asked: dict[str, Any]) -> dict[str, Any]:
    """Close it, one customer after the other, and return how long that took and what came of it."""
    month = previous_month(month_of(clock.now()))
    customers = list(Organization.objects.filter(pk__in=Reservation.objects.values("organization")).order_by("pk"))
    began = time.monotonic()
    for customer in customers:
        close_month(actor=SYSTEM, organization=customer, month=month)
    seconds = time.monotonic() - began
    records = UsageRecord.objects.filter(month=month)
    return {
        "seconds": seconds,
        "servers": records.values("server").distinct().count(),
        "records": records.count(),
        "invoices": Invoice.objects.count(),
        "lines": InvoiceLine.objects.count(),
        "off": {currency: str(amount) for currency, amount in unbalanced().items()},
    }
