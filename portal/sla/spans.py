"""Spans of whole seconds since 1970, half-open, and sums and cuts of them: pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from portal.core.months import begin_of, next_month

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """From ``start`` to before ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Its seconds."""
        return self.end - self.start


def second_of(moment: datetime) -> int:
    """Return the whole second that an instant lies in."""
    return (moment - EPOCH) // timedelta(seconds=1)


def moment_of(second: int) -> datetime:
    """Return the instant at which a second begins."""
    return EPOCH + timedelta(seconds=second)


def seconds_of(month: date) -> Span:
    """Return all of a calendar month, which is named by its first day."""
    return Span(second_of(begin_of(month)), second_of(begin_of(next_month(month))))


def quarter_of(month: date) -> Span:
    """Return the time from the begin of the month's quarter to the end of the month."""
    first = month.replace(month=month.month - (month.month - 1) % 3)
    return Span(seconds_of(first).start, seconds_of(month).end)


def clipped(spans: Iterable[Span], to: Span) -> Iterator[Span]:
    """Yield what of each span lies within ``to``."""
    for span in spans:
        start, end = max(span.start, to.start), min(span.end, to.end)
        if start < end:
            yield Span(start, end)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.length > 0):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def first_seconds(spans: Iterable[Span], allowance: int) -> list[Span]:
    """Return what of spans lies within their first ``allowance`` seconds together, in order of time."""
    found = []
    for span in merged(spans):
        length = min(span.length, allowance)
        if length > 0:
            found.append(Span(span.start, span.start + length))
        allowance -= length
    return found
