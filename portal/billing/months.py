"""Calendar months in UTC: what is billed at once. Pure."""

from datetime import UTC, date, datetime

from portal.core.periods import Period


def month_of(moment: datetime) -> date:
    """Return the first day of the month in which an instant lies."""
    return moment.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def previous_month(month: date) -> date:
    """Return the first day of the month before one."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def span_of(month: date) -> Period:
    """Return all of a month."""
    return Period(_midnight(month), _midnight(next_month(month)))


def months_in(period: Period) -> list[date]:
    """Return the months that a period touches, in order."""
    found, month = [], month_of(period.start)
    while _midnight(month) < period.end:
        found.append(month)
        month = next_month(month)
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
