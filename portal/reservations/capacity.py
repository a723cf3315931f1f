"""What is free when: questions to the calendar of one pool (a server type in a region)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import pool
from portal.fleet.states import ServerState
from portal.reservations.models import Allocation, Placement
from portal.reservations.placement import FreeServer, choose, most
from portal.reservations.states import HOLDING

HORIZON = timedelta(days=400)
"""How far ahead the calendar is searched for a fit."""


@dataclass(frozen=True)
class Demand:
    """What somebody asks for."""

    server_type: ServerType
    region: Region
    count: int
    period: Period
    placement: str = Placement.SAME_FABRIC

    @property
    def same_fabric(self) -> bool:
        """Whether all servers must be in one fabric."""
        return self.placement == Placement.SAME_FABRIC


def occupied_period(server_type: ServerType, period: Period) -> Period:
    """Return ``period`` with the lead time before it, as far as it is still to come, and the clean-up after it."""
    start = min(period.start, max(clock.now(), period.start - server_type.lead_time))
    return Period(start, period.end + server_type.cleanup_time)


def _candidates(demand: Demand, occupied: Period) -> list[FreeServer]:
    servers = pool(demand.server_type, demand.region)
    if occupied.start <= clock.now():
        servers = servers.filter(state=ServerState.AVAILABLE)
    return [FreeServer(pk, fabric) for pk, fabric in servers.order_by("pk").values_list("pk", "fabric_id")]


def free_servers(demand: Demand) -> list[FreeServer]:
    """Return the servers that are free for the demand's whole period, with preparation and clean-up, in pk order."""
    occupied = occupied_period(demand.server_type, demand.period)
    taken = set(
        Allocation.objects.filter(
            server__server_type=demand.server_type,
            server__region=demand.region,
            state__in=HOLDING,
            occupied__overlap=occupied.as_range(),
        ).values_list("server_id", flat=True)
    )
    return [server for server in _candidates(demand, occupied) if server.pk not in taken]


def fits(demand: Demand) -> bool:
    """Tell whether the demand could be placed now."""
    return choose(free_servers(demand), demand.count, same_fabric=demand.same_fabric) is not None


def free_count(demand: Demand) -> int:
    """Return the largest count that could be placed under the demand's placement."""
    return most(free_servers(demand), same_fabric=demand.same_fabric)


def next_fit(demand: Demand) -> Period | None:
    """Return the earliest later period of the same length in which the demand fits; None within the horizon.

    Capacity only grows at instants at which some allocation ends, so only those are tried.
    """
    server_type = demand.server_type
    busy: dict[int, list[tuple[datetime, datetime]]] = {}
    rows = Allocation.objects.filter(
        server__server_type=server_type,
        server__region=demand.region,
        state__in=HOLDING,
        occupied__endswith__gt=demand.period.start,
    ).values_list("server_id", "occupied")
    for server_pk, occupied in rows:
        busy.setdefault(server_pk, []).append((occupied.lower, occupied.upper))
    servers = [
        FreeServer(pk, fabric)
        for pk, fabric in pool(server_type, demand.region).order_by("pk").values_list("pk", "fabric_id")
    ]
    limit = demand.period.start + HORIZON
    for end in sorted({end for spans in busy.values() for _, end in spans}):
        start = end + server_type.lead_time
        if start <= demand.period.start or start > limit:
            continue
        low, high = end, start + demand.period.duration + server_type.cleanup_time
        free = [s for s in servers if all(hi <= low or high <= lo for lo, hi in busy.get(s.pk, ()))]
        if choose(free, demand.count, same_fabric=demand.same_fabric) is not None:
            return Period(start, start + demand.period.duration)
    return None
