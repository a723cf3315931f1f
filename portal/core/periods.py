"""Half-open periods of time: the start belongs to the period, the end does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Self

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, order=True)
class Period:
    """A bounded, non-empty, half-open span ``[start, end)`` in UTC. Touching periods do not overlap."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive instants (ValueError) and empty or reversed spans (ValueError)."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("A period needs instants with a time zone.")
        if self.end <= self.start:
            raise ValueError("A period must end after it starts.")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))

    @classmethod
    def of_range(cls, value: DateTimeTZRange) -> Self:
        """Read a bounded ``[)`` database range."""
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
        """Length in hours, exact to the microsecond."""
        micros = self.duration // timedelta(microseconds=1)
        return Decimal(micros) / Decimal(SECONDS_PER_HOUR * 1_000_000)

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
