"""Calendar months in UTC, each named by its first day. Pure."""

from datetime import UTC, date, datetime

from portal.core.errors import InvalidInput
from portal.core.periods import Period

FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Between these months are asked for by name: those before and after one are months too."""


def month_of(moment: datetime) -> date:
    """Return the first day of the month in which an instant lies."""
    return moment.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def previous_month(month: date) -> date:
    """Return the first day of the month before one."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def begin_of(month: date) -> datetime:
    """Return the instant at which a month begins."""
    return datetime(month.year, month.month, month.day, tzinfo=UTC)


def span_of(month: date) -> Period:
    """Return all of a month."""
    return Period(begin_of(month), begin_of(next_month(month)))


def months_in(period: Period) -> list[date]:
    """Return the months that a period touches, in order."""
    found, month = [], month_of(period.start)
    while begin_of(month) < period.end:
        found.append(month)
        month = next_month(month)
    return found


def month_called(name: str) -> date:
    """Return the month with a name such as ``2030-01``. Raises InvalidInput on ``month``."""
    try:
        found = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        found = date.min
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidInput.of("month", "invalid", "Give a calendar month such as 2030-01.")
    return found
