"""Rating: what was used, at the agreed prices, comes to the lines of an invoice. Pure: no rows, no clock.

What is due is worked out from the beginning to an instant and rounded there, once for each agreed price. A line is the
difference of two such amounts. So the lines of all months of a reservation that was used in full add up to the price
that the customer was shown, to the cent, and no month depends on when it is billed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portal.billing.metering import merged
from portal.billing.models import LineKind
from portal.core.money import round_money
from portal.core.periods import MICROSECONDS_PER_HOUR, Period

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NOTHING = Decimal(0)
HOURS_PLACES = Decimal("0.000001")
CORRECTION = "Correction of earlier months"


@dataclass(frozen=True)
class Agreed:
    """A price for some places of a reservation in a period: ``rate`` for each of ``gpus`` and hour.

    ``places`` are numbered as the allocations are, from the first to (not with) the last. ``amount`` is what was shown
    for ``count`` servers and all of the period: no more is ever due.
    """

    kind: LineKind
    label: str
    gpus: int
    rate: Decimal
    period: Period
    count: int
    amount: Decimal
    places: tuple[int, int]

    def covers(self, place: int) -> bool:
        """Tell whether it is the price of a place."""
        return self.places[0] <= place < self.places[1]


@dataclass(frozen=True)
class Lump:
    """An amount that became due at one instant."""

    at: datetime
    label: str
    amount: Decimal


@dataclass(frozen=True)
class Used:
    """A place of a reservation that had a server for a while."""

    place: int
    period: Period


@dataclass(frozen=True)
class History:
    """All that rating must know of one reservation.

    ``given_back_at``: when its servers were taken back; what was agreed for the time after that and was not called off
    is due then, for the places that were ``held`` to the last.
    """

    currency: str
    agreed: tuple[Agreed, ...] = ()
    lumps: tuple[Lump, ...] = ()
    used: tuple[Used, ...] = ()
    given_back_at: datetime | None = None
    held: frozenset[int] = frozenset()


@dataclass(frozen=True)
class RatedLine:
    """A line of an invoice that is yet to be written."""

    kind: LineKind
    label: str
    amount: Decimal
    period: Period | None = None
    gpu_hours: Decimal | None = None
    rate: Decimal | None = None


def rate_month(history: History, month: Period, charged: Decimal) -> list[RatedLine]:
    """Return the lines of a month, when earlier invoices have ``charged`` that much for the reservation.

    What they should have charged by what is known now, and did not, is a line of its own.
    """
    places = _by_place(history.used)
    lines, before = [], NOTHING
    for agreed in history.agreed:
        earlier, past = _due(history, agreed, places, month.start)
        until_now, counted = _due(history, agreed, places, month.end)
        before += earlier
        if counted > past:
            amount, hours = until_now - earlier, hours_of(counted - past, agreed.gpus)
            shown = _shown(agreed.period, month)
            lines.append(RatedLine(agreed.kind, agreed.label, amount, shown, hours, agreed.rate))
    for lump in history.lumps:
        if lump.at < month.start:
            before += lump.amount
        elif lump.at < month.end:
            lines.append(RatedLine(LineKind.FEE, lump.label, lump.amount))
    if before != charged:
        lines.append(RatedLine(LineKind.CORRECTION, CORRECTION, before - charged))
    return lines


def hours_of(length: timedelta, gpus: int) -> Decimal:
    """Return GPU-hours, for people."""
    return (gpus * Decimal(length // timedelta(microseconds=1)) / MICROSECONDS_PER_HOUR).quantize(HOURS_PLACES)


def due_until(history: History, until: datetime) -> Decimal:
    """Return all that is due by an instant."""
    places = _by_place(history.used)
    priced = sum((_due(history, agreed, places, until)[0] for agreed in history.agreed), NOTHING)
    return priced + sum((lump.amount for lump in history.lumps if lump.at < until), NOTHING)


def _by_place(used: Sequence[Used]) -> dict[int, list[Period]]:
    """Return the time of each place: a server and the one that took its place are never counted at once."""
    spans: defaultdict[int, list[Period]] = defaultdict(list)
    for each in used:
        spans[each.place].append(each.period)
    return {place: merged(found) for place, found in spans.items()}


def _due(
    history: History, agreed: Agreed, places: dict[int, list[Period]], until: datetime
) -> tuple[Decimal, timedelta]:
    """Return what is due of one agreed price by an instant, and the time of servers that it is for."""
    given_back = history.given_back_at
    is_over = given_back is not None and until > given_back
    end = agreed.period.end if is_over else min(until, agreed.period.end)
    counted = timedelta(0)
    for place, spans in places.items():
        if not agreed.covers(place):
            continue
        for span in spans:
            last = agreed.period.end if is_over and place in history.held and span is spans[-1] else span.end
            start, stop = max(span.start, agreed.period.start), min(last, end)
            if start < stop:
                counted += stop - start
    if counted >= agreed.count * agreed.period.duration:
        return agreed.amount, counted
    exact = _at_rate(counted, agreed.rate * agreed.gpus)
    return min(round_money(exact, history.currency), agreed.amount), counted


def _at_rate(length: timedelta, per_hour: Decimal) -> Decimal:
    return Period(EPOCH, EPOCH + length).at_rate(per_hour) if length else NOTHING


def _shown(period: Period, month: Period) -> Period | None:
    """Return which part of a month a price is for."""
    start, end = max(period.start, month.start), min(period.end, month.end)
    return Period(start, end) if start < end else None
