"""Invoices and usage as CSV (RFC 4180). Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from portal.billing.models import Invoice
from portal.billing.selectors.usage import Usage
from portal.core.clock import as_rfc3339

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a spreadsheet would take text for something to work out."""


def invoice_csv(invoice: Invoice) -> str:
    """Return the lines of an invoice, whose lines are prefetched."""
    head = ("invoice", "position", "kind", "label", "project", "reservation", "contract", "order", "from", "to")
    rows = (
        (
            str(invoice),
            line.position,
            line.kind,
            _text(line.label),
            line.project.public_id if line.project else "",
            line.reservation.public_id if line.reservation else "",
            line.contract.number if line.contract else "",
            _text(line.contract.po_number) if line.contract else "",
            as_rfc3339(line.period.lower) if line.period else "",
            as_rfc3339(line.period.upper) if line.period else "",
            "" if line.gpu_hours is None else line.gpu_hours,
            "" if line.rate is None else line.rate,
            line.amount,
            invoice.currency,
        )
        for line in invoice.lines.all()
    )
    return _written((*head, "gpu_hours", "rate", "amount", "currency"), rows)


def usage_csv(usage: Iterable[Usage]) -> str:
    """Return usage by its groups."""
    rows = (
        (each.key, _text(each.label), hours(each.gpu_time), hours(each.reserved), hours(each.powered)) for each in usage
    )
    return _written(("key", "label", "gpu_hours", "server_hours_reserved", "server_hours_powered_on"), rows)


def hours(length: timedelta) -> Decimal:
    """Return a length in hours, to six places."""
    return (Decimal(length // timedelta(microseconds=1)) / 3_600_000_000).quantize(Decimal("0.000001"))


def _text(words: str) -> str:
    return f"'{words}" if words.startswith(FORMULA) else words


def _written(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
