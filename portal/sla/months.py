"""Calendar months and quarters in UTC: pure."""

from datetime import UTC, date, datetime

from portal.core.errors import InvalidInput
from portal.sla.spans import Span, second_of


def first_day(moment: datetime) -> date:
    """Return the first day of the month of an instant."""
    return moment.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return date(month.year - (month.month == 1), (month.month + 10) % 12 + 1, 1)


def begin_of(month: date) -> datetime:
    """Return the instant at which a month begins."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def span_of(month: date) -> Span:
    """Return all of a month."""
    return Span(second_of(begin_of(month)), second_of(begin_of(next_month(month))))


def quarter_of(month: date) -> Span:
    """Return the time from the begin of the month's quarter to the end of the month."""
    first = month.replace(month=month.month - (month.month - 1) % 3)
    return Span(span_of(first).start, span_of(month).end)


def month_called(name: str) -> date:
    """Return the month with a name such as ``2030-01``. Raises InvalidInput on ``month``."""
    try:
        return datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise InvalidInput.of("month", "invalid", "Give a calendar month such as 2030-01.") from None
