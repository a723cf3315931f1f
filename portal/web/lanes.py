"""The project's own reservations as bars over the days of the calendar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.reservations.models import Reservation
from portal.reservations.selectors import reservations_of
from portal.reservations.states import LIVE
from portal.tenancy.scope import Scope
from portal.web.windows import Window, days_of

MOST_LANES = 4


@dataclass(frozen=True)
class Part:
    """Columns of a lane: those of one reservation, or (None) empty ones."""

    days: int
    it: Reservation | None = None
    begins: bool = True
    ends: bool = True


@dataclass(frozen=True)
class Lanes:
    """Bars that do not touch share a lane. ``hidden`` is how many found no place."""

    lanes: Sequence[Sequence[Part]]
    count: int
    hidden: int


def lanes_of(scope: Scope, window: Window) -> Lanes:
    """Return the live reservations in a window, the earliest first."""
    rows = reservations_of(scope).filter(state__in=LIVE, period__overlap=window.period.as_range())
    return pack(rows.order_by("period", "pk"), window)


def pack(reservations: Iterable[Reservation], window: Window) -> Lanes:
    """Put each reservation into the first lane that has room for it."""
    lanes: list[list[Part]] = []
    filled: list[int] = []
    count = hidden = 0
    for row in reservations:
        first, days = days_of(row.span)
        start, end = window.place(first), window.place(first) + days
        begin, stop = max(0, start), min(window.count, end)
        if begin >= stop:
            continue
        count += 1
        lane = next((number for number, upto in enumerate(filled) if upto <= begin), len(lanes))
        if lane == MOST_LANES:
            hidden += 1
            continue
        if lane == len(lanes):
            lanes.append([])
            filled.append(0)
        lanes[lane] += _gap(begin - filled[lane])
        lanes[lane].append(Part(stop - begin, row, begins=start >= 0, ends=end <= window.count))
        filled[lane] = stop
    for number, upto in enumerate(filled):
        lanes[number] += _gap(window.count - upto)
    return Lanes(lanes or [_gap(window.count)], count, hidden)


def _gap(days: int) -> list[Part]:
    return [Part(days)] if days else []
