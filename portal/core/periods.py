"""Half-open periods of time: the start belongs to the period, the end does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Self

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

MICROSECONDS_PER_HOUR = 3_600_000_000
DIGITS = 60
"""Enough for any rate times any length in microseconds, and for the quotient beyond."""


@dataclass(frozen=True, order=True)
class Period:
    """A bounded, non-empty, half-open span ``[start, end)`` in UTC. Touching periods do not overlap."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive instants (ValueError) and empty or reversed spans (ValueError)."""
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("A period needs instants with a time zone.")
        # UTC first: Python compares two instants of one zone by the wall clock, which daylight saving turns back.
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError("A period must end after it starts.")

    @classmethod
    def of_range(cls, value: DateTimeTZRange) -> Self:
        """Read a bounded ``[)`` database range. Raises ValueError for any other."""
        if value.isempty or value.lower is None or value.upper is None or value.bounds != "[)":
            raise ValueError(f"{value} is not a bounded half-open range.")
        return cls(value.lower, value.upper)

    def as_range(self) -> DateTimeTZRange:
        """Write this period as the database's ``[)`` range."""
        return DateTimeTZRange(self.start, self.end, "[)")

    @property
    def duration(self) -> timedelta:
        """Length of the period."""
        return self.end - self.start

    @property
    def hours(self) -> Decimal:
        """Length in hours, to 28 digits: for people. A third of an hour is cut off; ``at_rate`` is for money."""
        return Decimal(self._microseconds) / MICROSECONDS_PER_HOUR

    @property
    def _microseconds(self) -> int:
        return self.duration // timedelta(microseconds=1)

    def at_rate(self, per_hour: Decimal) -> Decimal:
        """Return what a rate per hour comes to over the period.

        It divides last and with digits to spare, so that an amount exactly between two cents is still seen as such.
        """
        with localcontext(prec=DIGITS):
            return per_hour * self._microseconds / MICROSECONDS_PER_HOUR

    def overlaps(self, other: Self) -> bool:
        """Tell whether the two share at least one instant."""
        return self.start < other.end and other.start < self.end

    def contains(self, moment: datetime) -> bool:
        """Tell whether ``moment`` lies in the period; the end does not."""
        return self.start <= moment < self.end

    def widened(self, *, before: timedelta = timedelta(0), after: timedelta = timedelta(0)) -> Self:
        """Return the period with its ends moved outwards."""
        return type(self)(self.start - before, self.end + after)


def peak(parts: Iterable[tuple[Period, int]]) -> int:
    """Return the largest total weight that is present at any one instant (0 for no parts)."""
    steps: list[tuple[datetime, int]] = []
    for period, weight in parts:
        steps.append((period.start, weight))
        steps.append((period.end, -weight))
    # At one instant the ends come first: half-open periods that touch do not add up.
    steps.sort(key=lambda step: (step[0], step[1]))
    level = highest = 0
    for _, change in steps:
        level += change
        highest = max(highest, level)
    return highest
