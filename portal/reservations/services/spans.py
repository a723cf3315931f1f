"""How an allocation's time on the calendar changes when it ends: what is over keeps its place in history."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import DateTimeRangeField
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F, Func, Value
from django.db.models.expressions import Combinable

from portal.core.periods import Period
from portal.reservations.models import Allocation

SHORTEST = timedelta(seconds=1)


def freed_until(occupied: Period, moment: datetime) -> Period:
    """Return ``occupied`` cut off at ``moment``, at least a second long."""
    return Period(occupied.start, min(occupied.end, max(moment, occupied.start + SHORTEST)))


def _turnover(start: datetime, end: datetime) -> DateTimeTZRange | None:
    return Period(start, end).as_range() if start < end else None


def in_turnover(allocation: Allocation, moment: datetime, cleanup_time: timedelta) -> dict[str, Any]:
    """Return the fields of an allocation whose turnover begins at ``moment``: what it does not need is free at once.

    One that begins late ends no later than was booked: somebody else may have the time after that.
    """
    occupied = freed_until(Period.of_range(allocation.occupied), moment + cleanup_time)
    start = max(occupied.start, min(moment, occupied.end))
    return {"occupied": occupied.as_range(), "turnover": _turnover(start, occupied.end)}


def over_at(allocation: Allocation, moment: datetime) -> dict[str, Any]:
    """Return the fields of an allocation whose server is nobody's from ``moment`` on."""
    occupied = freed_until(Period.of_range(allocation.occupied), moment)
    turnover = allocation.turnover
    start = Period.of_range(turnover).start if turnover else occupied.end
    return {"occupied": occupied.as_range(), "turnover": _turnover(start, occupied.end)}


def with_end(ends_at: datetime, upper: Combinable) -> dict[str, Any]:
    """Return fields for one statement on many allocations: given back at ``ends_at``, and kept until ``upper``."""
    turnover = _range(Value(ends_at), upper)
    return {
        "occupied": _range(F("occupied__startswith"), upper),
        "turnover": Func(turnover, template="nullif(%(expressions)s, 'empty'::tstzrange)"),
    }


def _range(start: Combinable, end: Combinable) -> Func:
    return Func(start, end, Value("[)"), function="tstzrange", output_field=DateTimeRangeField())
