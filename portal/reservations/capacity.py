"""What is free when: questions to the calendar of a pool, or of all pools of a server type in a region."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.reservations import calendar
from portal.reservations.models import Placement
from portal.reservations.request import MAX_AHEAD, MAX_COUNT
from portal.reservations.sought import Sought

READY_MARGIN = timedelta(minutes=2)
"""What is not ready now is offered for a preparation that begins this much later: an offer takes time to read."""
START_GRID = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Demand:
    """What somebody asks for; ``fabric`` is None where any will do."""

    server_type: ServerType
    region: Region
    count: int
    period: Period
    placement: str = Placement.SAME_FABRIC
    fabric: Fabric | None = None

    @property
    def same_fabric(self) -> bool:
        """Whether all servers must be in one fabric."""
        return self.placement == Placement.SAME_FABRIC

    @property
    def needed(self) -> timedelta:
        """How long each server is kept for a start that is to come: from its preparation to the end of its turnover."""
        return self.server_type.lead_time + self.period.duration + self.server_type.cleanup_time


def occupied_period(server_type: ServerType, period: Period) -> Period:
    """Return ``period`` with the lead time before it, as far as it is still to come, and the turnover after it."""
    start = min(period.start, max(clock.now(), period.start - server_type.lead_time))
    return Period(start, period.end + server_type.cleanup_time)


def turnover_period(server_type: ServerType, end: datetime) -> Period | None:
    """Return when a server that is given back at ``end`` is erased and checked; None for a type that takes no time."""
    return Period(end, end + server_type.cleanup_time) if server_type.cleanup_time else None


def sought(demand: Demand, *, with_spares: bool = False) -> Sought:
    """Return which pools may serve a demand."""
    fabric = demand.fabric.pk if demand.fabric else None
    return Sought(demand.server_type.pk, demand.region.pk, fabric, with_spares)


def pools_for(demand: Demand, *, with_spares: bool = False) -> list[int]:
    """Return the pks of the pools that may serve a demand, in order."""
    return calendar.pools_that(sought(demand, with_spares=with_spares))


def is_due(span: Period) -> bool:
    """Tell whether servers that are kept for ``span`` begin to be prepared at once, and so must be ready."""
    return span.start <= clock.now()


def take(demand: Demand, span: Period, *, is_patient: bool = True) -> list[int] | None:
    """Lock free servers for a demand until the transaction ends; return their pks in order, None for too few.

    ``span`` is the time for which each is to be kept. Who is patient waits for others to decide; who is not is spared
    what that costs, and rolls back on HeldByOthers.
    """
    ask = calendar.place if is_patient else calendar.grab
    return ask(sought(demand), demand.count, span, is_due=is_due(span), may_spread=not demand.same_fabric)


def _most(demand: Demand, most: int) -> int:
    span = occupied_period(demand.server_type, demand.period)
    free = calendar.count_free(pools_for(demand), span, is_due=is_due(span), most=most).values()
    return min(most, max(free, default=0) if demand.same_fabric else sum(free))


def fits(demand: Demand) -> bool:
    """Tell whether the demand could be placed now."""
    return _most(demand, demand.count) >= demand.count


def free_count(demand: Demand) -> int:
    """Return the largest count that could be placed under the demand's placement, up to MAX_COUNT."""
    return _most(demand, MAX_COUNT)


def _starts(demand: Demand, between: Period, *, grid: timedelta | None, most: int) -> Sequence[datetime]:
    """Return starts of the demand's length in ``between`` that fit; at first those that begin soonest."""
    lead = demand.server_type.lead_time
    soonest = max(between.start - lead, clock.now() + READY_MARGIN)
    latest = between.end - lead
    if latest <= soonest:
        return []
    found = calendar.begins(
        pools_for(demand),
        demand.count,
        needed=demand.needed,
        lead=lead,
        between=Period(soonest, latest),
        grid=grid,
        most=most,
        may_spread=not demand.same_fabric,
    )
    return [begin + lead for begin in found]


def next_starts(demand: Demand, between: Period, most: int = 10) -> list[Period]:
    """Return the first periods of the demand's length that begin on a full hour in ``between`` and fit."""
    length = demand.period.duration
    return [Period(start, start + length) for start in _starts(demand, between, grid=START_GRID, most=most)]


def first_fit(demand: Demand, latest: datetime) -> Period | None:
    """Return the earliest period of a demand's length that begins from its start to ``latest`` and fits, or None."""
    if fits(demand):
        return demand.period
    # What is offered later begins after the first instant and at the latest one too.
    start, past = demand.period.start + MICROSECOND, latest + MICROSECOND
    found = _starts(demand, Period(start, past), grid=None, most=1) if start < past else []
    return Period(found[0], found[0] + demand.period.duration) if found else None


def next_fit(demand: Demand) -> Period | None:
    """Return the earliest later period of the same length in which a demand fits that does not fit as it is.

    It begins on a whole second, so that it survives being written down. None where there is none that begins early
    enough to be reserved.
    """
    last = clock.now() + MAX_AHEAD
    after = demand.period.start + timedelta(microseconds=1)
    if last <= after:
        return None
    found = _starts(demand, Period(after, last), grid=None, most=1)
    return Period(found[0], found[0] + demand.period.duration) if found else None
