"""What a price is made of and what calling off costs, as reservations and quotes keep them."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.audit.staff import columns
from portal.catalog.selectors import QuoteLine
from portal.catalog.terms import CancellationTerms
from portal.core import clock
from portal.reservations.charges import cancellation_of
from portal.reservations.models import Reservation
from portal.reservations.states import TO_COME


def _lines(row: Any) -> str | SafeString:
    lines = [QuoteLine.of_json(kept) for kept in row.price_lines]
    if not lines:
        return ""
    shown = format_html_join(
        "", "<li>{}: {} <b>{}</b></li>", ((line.label, line.quantity, line.amount) for line in lines)
    )
    return format_html('<ul class="staff-lines">{}</ul>', shown)


def _fee_now(reservation: Reservation) -> str:
    """Return what calling off costs now, as long as nothing is handed over."""
    if reservation.state not in TO_COME:
        return ""
    found = cancellation_of(reservation, clock.now())
    return f"{found.fee}. {found.description}"


PRICE = (
    columns.column("In all", lambda row: row.total),
    columns.column("Per GPU and hour", lambda row: f"{row.currency} {row.rate_per_gpu_hour.normalize():f}"),
    columns.column("Made of", _lines),
    columns.column("Calling off", lambda row: str(CancellationTerms.of_json(row.cancellation_terms))),
)
"""The facts of everything that has a price."""

FEES = (
    columns.column("Calling off now", _fee_now),
    columns.column(
        "Owed for what was called off",
        lambda row: f"{row.currency} {row.cancellation_fee}" if row.cancellation_fee else "",
    ),
)
