"""The days that the calendar shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Self

from portal.core import clock
from portal.core.periods import Period
from portal.reservations.request import MAX_AHEAD

VIEWS = {"week": ("Week", 7), "four": ("4 weeks", 28), "weeks": ("5 weeks", 35), "quarter": ("Quarter", 91)}
"""By their names: what they are called, and how many days they show."""
USUAL_VIEW = "four"
"""As many columns, each wide enough to be hit, as stand beside the panel in a window of 1440 pixels; 35 need 1700."""

DAY = timedelta(days=1)
SATURDAY = 5


@dataclass(frozen=True)
class Day:
    """One column."""

    date: date
    is_today: bool

    @property
    def is_weekend(self) -> bool:
        """Whether it is a Saturday or Sunday."""
        return self.date.weekday() >= SATURDAY

    @property
    def is_first(self) -> bool:
        """Whether a month begins."""
        return self.date.day == 1


@dataclass(frozen=True)
class Month:
    """A heading over columns."""

    first: date
    days: int


@dataclass(frozen=True)
class Window:
    """``count`` days from ``first`` on, in UTC."""

    view: str
    first: date
    count: int

    @classmethod
    def of(cls, view: str, wanted: date) -> Self:
        """Return the window of a view that begins on a day, or as near to it as there is something to reserve."""
        today, count = clock.now().date(), VIEWS[view][1]
        latest = today + MAX_AHEAD - (count - 1) * DAY
        return cls(view, max(today, min(wanted, latest)), count)

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.first + self.count * DAY

    @property
    def period(self) -> Period:
        """The same as a period."""
        return Period(midnight(self.first), midnight(self.end))

    @property
    def days(self) -> list[Day]:
        """The columns."""
        today = clock.now().date()
        return [Day(day, day == today) for day in self._dates()]

    @property
    def months(self) -> list[Month]:
        """The headings over the columns."""
        groups = [list(days) for _, days in groupby(self._dates(), key=lambda day: (day.year, day.month))]
        return [Month(days[0], len(days)) for days in groups]

    @property
    def back(self) -> date | None:
        """Where the window before it begins; None where it begins today."""
        earlier = Window.of(self.view, self.first - self.count * DAY).first
        return earlier if earlier < self.first else None

    @property
    def forward(self) -> date | None:
        """Where the window after it begins; None where nothing further ahead can be reserved."""
        later = Window.of(self.view, self.end).first
        return later if later > self.first else None

    def holds(self, day: date) -> bool:
        """Tell whether it shows a day."""
        return self.first <= day < self.end

    def place(self, day: date) -> int:
        """Return in which column a day is, counted from 0; less than that, or too much, for one that is not shown."""
        return (day - self.first).days

    def _dates(self) -> Iterator[date]:
        return (self.first + number * DAY for number in range(self.count))


def midnight(day: date) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time(0), tzinfo=UTC)


def touched(period: Period) -> tuple[date, int]:
    """Return the first of the days in which a period lies, and how many they are."""
    first, last = period.start.date(), (period.end - timedelta(microseconds=1)).date()
    return first, (last - first).days + 1


def days_of(period: Period) -> tuple[date, int]:
    """Return the first of the days that stand for a period, and how many they are.

    Whole days from noon to noon are as many as they are long; anything else touches what it touches.
    """
    length, rest = divmod(period.duration, DAY)
    return touched(period) if rest else (period.start.date(), length)
