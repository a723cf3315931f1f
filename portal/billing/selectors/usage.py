"""What a customer used: by day, project, reservation or server."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q

from portal.billing.histories import held_of
from portal.billing.metering import powered
from portal.billing.models import Meter, UsageRecord
from portal.billing.selectors.measured import Switches, served_in, switches_of
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.months import month_of, months_in, span_of
from portal.core.periods import Period
from portal.reservations.models import Allocation
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

LONGEST = timedelta(days=366)
DAY = timedelta(days=1)


class GroupBy(StrEnum):
    """By what usage is summed up."""

    DAY = "day"
    PROJECT = "project"
    RESERVATION = "reservation"
    SERVER = "server"


@dataclass
class Usage:
    """What one group used: how long its servers were held and on, and the GPU time that they were held for."""

    key: str
    label: str
    reserved: timedelta = field(default_factory=timedelta)
    powered: timedelta = field(default_factory=timedelta)
    gpu_time: timedelta = field(default_factory=timedelta)


def usage_of(scope: Scope, period: Period, group_by: GroupBy) -> list[Usage]:
    """Return what was used in a period up to now: of the organization for who sees its bills, else of the project.

    Raises InvalidInput on ``to`` for more than LONGEST.
    """
    if period.duration > LONGEST:
        raise InvalidInput.of("to", "too_long", f"Ask for at most {LONGEST.days} days at once.")
    found: dict[str, Usage] = {}
    now = clock.now()
    if period.start >= now:
        return []
    until_now = Period(period.start, min(period.end, now))
    rows = _allocations(scope, until_now)
    switches = switches_of(sorted({row.reservation.public_id for row in rows}), until_now.end)
    corrected = _corrected(rows, until_now)
    for row in rows:
        for span in _spans(row, until_now, corrected):
            _count(found, row, span, group_by, switches)
    return sorted(found.values(), key=lambda usage: usage.key if group_by == GroupBy.DAY else usage.label)


def _allocations(scope: Scope, period: Period) -> list[Allocation]:
    mine = Q(reservation__organization=scope.organization)
    if not scope.may(Verb.VIEW_BILLING):
        mine = Q(reservation__project=scope.project)
    rows = Allocation.objects.select_related("server", "reservation__project", "reservation__server_type")
    return list(rows.filter(mine, served_in(period)).order_by("reservation", "position", "pk"))


def _corrected(rows: list[Allocation], period: Period) -> dict[tuple[int, datetime], UsageRecord]:
    """Return what was said of months other than it was measured, the latest of it."""
    records = UsageRecord.objects.filter(
        allocation__in=[row.pk for row in rows], meter=Meter.RESERVED, revision__gt=0, month__in=months_in(period)
    ).order_by("revision")
    return {(record.allocation_id, span_of(record.month).start): record for record in records}


def _spans(row: Allocation, period: Period, corrected: dict[tuple[int, datetime], UsageRecord]) -> Iterator[Period]:
    """Yield when a server was held, month by month."""
    handed_over_at = row.reservation.handed_over_at
    held = held_of(row, handed_over_at) if handed_over_at else None
    for month in months_in(period):
        whole = span_of(month)
        asked = Period(max(whole.start, period.start), min(whole.end, period.end))
        known = corrected.get((row.pk, whole.start))
        if known is not None:
            span = Period.of_range(known.period) if known.period else None
            if span is not None and span.overlaps(asked):
                yield Period(max(span.start, asked.start), min(span.end, asked.end))
        elif held is not None and (within := held.within(asked)) is not None:
            yield within


def _count(found: dict[str, Usage], row: Allocation, span: Period, group_by: GroupBy, switches: Switches) -> None:
    reservation = row.reservation
    told = switches.get((reservation.public_id, row.server_id), [])
    since = max(row.ready_at or span.start, reservation.handed_over_at or span.start)
    switched = [(at, on) for at, on in told if at > since]
    for part in _days(span) if group_by == GroupBy.DAY else [span]:
        key, label = _group(row, part, group_by)
        usage = found.setdefault(key, Usage(key, label))
        usage.reserved += part.duration
        usage.powered += powered(part, switched) if switched else part.duration
        usage.gpu_time += part.duration * reservation.server_type.gpu_count


def _group(row: Allocation, span: Period, group_by: GroupBy) -> tuple[str, str]:
    reservation = row.reservation
    if group_by == GroupBy.DAY:
        day = span.start.date().isoformat()
        return day, day
    if group_by == GroupBy.PROJECT:
        return reservation.project.public_id, reservation.project.name
    if group_by == GroupBy.RESERVATION:
        return reservation.public_id, reservation.name
    return row.server.public_id, row.hostname


def _days(span: Period) -> Iterator[Period]:
    start = span.start
    while start < span.end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        end = min(midnight, span.end)
        yield Period(start, end)
        start = end


def by_day_and_project(scope: Scope, period: Period) -> dict[str, dict[str, timedelta]]:
    """Return GPU time by project's name and day, for a chart."""
    found: defaultdict[str, defaultdict[str, timedelta]] = defaultdict(lambda: defaultdict(timedelta))
    now = clock.now()
    if period.start >= now:
        return {}
    until_now = Period(period.start, min(period.end, now))
    rows = _allocations(scope, until_now)
    corrected = _corrected(rows, until_now)
    for row in rows:
        for span in _spans(row, until_now, corrected):
            for part in _days(span):
                gpu_time = part.duration * row.reservation.server_type.gpu_count
                found[row.reservation.project.name][part.start.date().isoformat()] += gpu_time
    return {project: dict(days) for project, days in sorted(found.items())}


def this_month() -> Period:
    """Return the month that it is now."""
    return span_of(month_of(clock.now()))
