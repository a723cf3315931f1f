"""Lines of an invoice as lines and allowances of a document. Pure."""

from datetime import timedelta
from decimal import Decimal

from portal.billing.einvoice.bill import Allowance, Days, Item, Unit
from portal.billing.models import InvoiceLine, LineKind
from portal.core.periods import Period

CLOSE = Decimal("0.02")
"""As far from its amount may quantity times price be (Peppol BIS Billing 3.0, R120)."""


def item_of(line: InvoiceLine) -> Item:
    """Return a line that charges, or that corrects; credits are allowances.

    Hours and rate stand where they come to the amount. Elsewhere the whole is one: what was rounded earlier, capped at
    what was agreed, or has no rate.
    """
    quantity, unit, price = Decimal(1).copy_sign(line.amount), Unit.ONE, abs(line.amount)
    if line.gpu_hours and line.rate is not None and abs(line.gpu_hours * line.rate - line.amount) <= CLOSE:
        quantity, unit, price = line.gpu_hours, Unit.HOUR, line.rate
    return Item(line.label, _about(line), quantity, unit, price, line.amount, _days(line))


def allowance_of(line: InvoiceLine) -> Allowance:
    """Return what a credit takes off."""
    return Allowance(-line.amount, line.label)


def is_credit(line: InvoiceLine) -> bool:
    """Tell whether a line is taken off the whole."""
    return line.kind == LineKind.CREDIT


def _about(line: InvoiceLine) -> str:
    parts = [line.get_kind_display()]
    if line.contract:
        parts.append(f"contract {line.contract.number}")
        if line.contract.po_number:
            parts.append(f"order {line.contract.po_number}")
    if line.gpu_hours is not None and line.rate is not None:
        parts.append(f"{line.gpu_hours.normalize():f} GPU-hours at {line.rate.normalize():f}")
    return ", ".join(parts)


def _days(line: InvoiceLine) -> Days | None:
    if line.period is None:
        return None
    span = Period.of_range(line.period)
    return Days(span.start.date(), (span.end - timedelta(microseconds=1)).date())
