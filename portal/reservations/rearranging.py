"""How to empty servers of what can stand elsewhere. Pure: no rows, no clock, and bounded whatever it is given."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from portal.core.periods import Period

MOST_MOVES = 32
"""Allocations that are moved at once: each is a row that waits for locks."""
BREADTH = 6
"""Free spans that are tried for each allocation, the tightest first."""
STEPS = 400
"""Trials for one server, after which another one is looked at."""


@dataclass(frozen=True)
class Booking:
    """An allocation that may stand on another server of its pool for the same time."""

    pk: int
    reservation: int
    server: int
    span: Period


@dataclass(frozen=True)
class Gap:
    """Time for which a server is free."""

    server: int
    span: Period

    def holds(self, span: Period) -> bool:
        """Tell whether all of ``span`` is free."""
        return self.span.start <= span.start and span.end <= self.span.end

    def without(self, span: Period) -> Iterator["Gap"]:
        """Yield what is left when ``span`` is taken."""
        if self.span.start < span.start:
            yield Gap(self.server, Period(self.span.start, span.start))
        if span.end < self.span.end:
            yield Gap(self.server, Period(span.end, self.span.end))


@dataclass(frozen=True)
class Move:
    """A booking and the server that it goes to."""

    booking: Booking
    to: int


def empty_servers(lanes: Sequence[Sequence[Booking]], gaps: Sequence[Gap], wanted: int) -> list[Move]:
    """Return moves of few bookings that empty up to ``wanted`` servers; each lane is what stands on one of them.

    Nothing moves to a server that is emptied, and everything fits where it goes, in any order.
    """
    search = _Search(gaps, {lane[0].server for lane in lanes if lane})
    emptied = 0
    for lane in sorted(lanes, key=_effort):
        if emptied == wanted:
            break
        if lane and search.empty(lane):
            emptied += 1
    return search.moves


def emptied_by(moves: Sequence[Move], lanes: Sequence[Sequence[Booking]]) -> int:
    """Return how many lanes moves empty."""
    moved = {move.booking.pk for move in moves}
    return sum(all(booking.pk in moved for booking in lane) for lane in lanes)


def _effort(lane: Sequence[Booking]) -> tuple[int, float, int]:
    length = sum(booking.span.duration.total_seconds() for booking in lane)
    return (len(lane), length, lane[0].server if lane else 0)


class _Search:
    """Which gaps are left after the moves so far; ``candidates`` are servers that may yet be emptied."""

    def __init__(self, gaps: Sequence[Gap], candidates: Collection[int]) -> None:
        self.gaps = list(gaps)
        self.candidates = set(candidates)
        self.closed: set[int] = set()
        self.moves: list[Move] = []
        self._steps = 0

    def empty(self, lane: Sequence[Booking]) -> bool:
        """Find places for a server's bookings, the longest first; without one for each, nothing is moved."""
        server = lane[0].server
        receives = any(move.to == server for move in self.moves)
        if receives or len(self.moves) + len(lane) > MOST_MOVES:
            return False
        before, self._steps = (list(self.gaps), len(self.moves)), STEPS
        self.closed.add(server)
        if self._place(sorted(lane, key=lambda booking: (booking.span.duration, booking.pk), reverse=True)):
            return True
        self.closed.discard(server)
        self.gaps, count = before
        del self.moves[count:]
        return False

    def _place(self, bookings: Sequence[Booking]) -> bool:
        if not bookings:
            return True
        first, rest = bookings[0], bookings[1:]
        for gap in self._choices(first):
            self._steps -= 1
            if self._steps < 0:
                return False
            gaps = self.gaps
            self.gaps = [other for other in gaps if other is not gap] + list(gap.without(first.span))
            self.moves.append(Move(first, gap.server))
            if self._place(rest):
                return True
            self.moves.pop()
            self.gaps = gaps
        return False

    def _choices(self, booking: Booking) -> list[Gap]:
        """Return the tightest gaps for a booking, at first those of servers that cannot be emptied anyway."""
        fitting = [gap for gap in self.gaps if gap.server not in self.closed and gap.holds(booking.span)]
        fitting.sort(key=lambda gap: (gap.server in self.candidates, gap.span.duration, gap.server, gap.span.start))
        return fitting[:BREADTH]
