"""The calendar for people and programs: how many servers of each pool are free, slot by slot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from portal.catalog.selectors import list_prices
from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.reservations import calendar
from portal.reservations.models import Grain, Placement, Pool
from portal.reservations.request import MAX_COUNT
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class Cell:
    """A slot of one pool: servers free for the whole of it, and whether what is asked for could have it.

    Preparation before the slot and turnover after it are not looked at: a search decides. Of the present slot the
    rest counts; in a slot that is over nothing is free.
    """

    starts_at: datetime
    ends_at: datetime
    free: int
    fits: bool


@dataclass(frozen=True)
class PoolCalendar:
    """One row of the calendar, with the list price ``rate`` for a GPU and an hour."""

    pool: Pool
    rate: Decimal
    currency: str
    cells: tuple[Cell, ...]


def calendar_of(
    scope: Scope,
    *,
    server_type: ServerType | None = None,
    region: Region | None = None,
    fabric: Fabric | None = None,
    count: int = 1,
    placement: str = Placement.SAME_FABRIC,
    grain: Grain = Grain.DAY,
    first: datetime,
    slots: int,
) -> list[PoolCalendar]:
    """Return the calendar of every pool that is sold in the organization's currency, by type, region and fabric.

    The first slot is the one that ``first`` lies in: an hour, or a day in UTC. Under the placement ``any`` the servers
    of all shown pools of a type in a region count together. Four statements, however many pools there are.
    """
    rates = {
        (price.server_type_id, price.region_id): price.per_gpu_hour
        for price in list_prices(scope.organization.currency, clock.now())
    }
    pools = [
        pool
        for pool in _pools(server_type, region, fabric)
        if (pool.server_type_id, pool.region_id) in rates  # what has no price is not sold
    ]
    span = span_of(first, grain, slots)
    free = _free(pools, grain, span)
    starts = [span.start + place * _length(grain) for place in range(slots)]
    together = Counter[tuple[int, int, datetime]]()
    for pool in pools:
        for at in starts:
            together[pool.server_type_id, pool.region_id, at] += free[pool.pk, at]
    found = []
    for pool in pools:
        home = (pool.server_type_id, pool.region_id)
        cells = []
        for at in starts:
            own = free[pool.pk, at]
            enough = own if placement == Placement.SAME_FABRIC else together[*home, at]
            cells.append(Cell(at, at + _length(grain), own, own > 0 and enough >= count))
        found.append(PoolCalendar(pool, rates[home], scope.organization.currency, tuple(cells)))
    return found


def pool_count(server_type: ServerType | None, region: Region | None, fabric: Fabric | None) -> int:
    """Return how many rows a calendar may have."""
    return _pools(server_type, region, fabric).count()


def span_of(first: datetime, grain: Grain, slots: int) -> Period:
    """Return the span of ``slots`` slots from the one that ``first`` lies in."""
    start = first.replace(minute=0, second=0, microsecond=0)
    if grain == Grain.DAY:
        start = start.replace(hour=0)
    return Period(start, start + slots * _length(grain))


def _length(grain: Grain) -> timedelta:
    return timedelta(hours=grain)


def _pools(server_type: ServerType | None, region: Region | None, fabric: Fabric | None) -> QuerySet[Pool]:
    wanted = {"server_type": server_type, "region": region, "fabric": fabric}
    given = {name: value for name, value in wanted.items() if value is not None}
    rows = Pool.objects.filter(is_spare=False, **given).select_related("server_type", "region", "fabric")
    return rows.order_by("server_type__slug", "region__code", "fabric__name", "pk")


def _free(pools: Sequence[Pool], grain: Grain, span: Period) -> Counter[tuple[int, datetime]]:
    """Return how many servers are free, by pool's pk and start of the slot."""
    now, pks = clock.now(), [pool.pk for pool in pools]
    free = Counter[tuple[int, datetime]]()
    for pool, at, count in calendar.slots(pks, grain, span):
        if at + _length(grain) > now:
            free[pool, at] = count
    present = span_of(now, grain, 1)
    if span.contains(present.start):
        # What became free this morning was not free for the whole day, and yet can be had. Counted only as far as it
        # matters for a request: larger counts come from the timeline.
        rest = calendar.count_free(pks, Period(now, present.end), is_due=False, most=MAX_COUNT)
        for pool, count in rest.items():
            free[pool, present.start] = max(count, free[pool, present.start])
    return free
