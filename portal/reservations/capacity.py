"""What is free when: questions to the calendar of one pool (a server type in a region)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Region, Server, ServerType
from portal.fleet.selectors import pool
from portal.fleet.states import ServerState
from portal.operations.selectors import servers_at_work
from portal.reservations.models import Allocation, Placement
from portal.reservations.placement import FreeServer, Opening, choose, first_begin, most
from portal.reservations.request import MAX_AHEAD
from portal.reservations.states import HOLDING

READY_MARGIN = timedelta(minutes=2)
"""What is not ready now is offered for a preparation that begins this much later: an offer takes time to read."""


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


def _ready_now(servers: models.QuerySet[Server]) -> models.QuerySet[Server]:
    """Narrow ``servers`` to those that can begin to be prepared at once."""
    return servers.filter(state=ServerState.AVAILABLE).exclude(pk__in=servers_at_work())


def _as_free(servers: models.QuerySet[Server]) -> list[FreeServer]:
    return [FreeServer(pk, fabric) for pk, fabric in servers.order_by("pk").values_list("pk", "fabric_id")]


def _candidates(demand: Demand, occupied: Period) -> list[FreeServer]:
    servers = pool(demand.server_type, demand.region)
    return _as_free(_ready_now(servers) if occupied.start <= clock.now() else servers)


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
    """Return the earliest later period of the same length in which a demand fits that does not fit as it is.

    It begins on a whole second, so that it survives being written down. None where there is none that begins early
    enough to be reserved.
    """
    begin = first_begin(
        _openings(demand),
        demand.count,
        same_fabric=demand.same_fabric,
        after=demand.period.start - demand.server_type.lead_time,
    )
    if begin is None:
        return None
    start = begin + demand.server_type.lead_time
    return Period(start, start + demand.period.duration)


def _openings(demand: Demand) -> Iterator[Opening]:
    """Yield when each server of the pool can begin to be prepared for a period of the demand's length."""
    server_type, now = demand.server_type, clock.now()
    needed = server_type.lead_time + demand.period.duration + server_type.cleanup_time
    soonest = demand.period.start - server_type.lead_time
    latest = now + MAX_AHEAD - server_type.lead_time
    busy = _busy(demand)
    ready = {server.pk for server in _ready_now(pool(server_type, demand.region))}
    for server in _as_free(pool(server_type, demand.region)):
        free_from = soonest if server.pk in ready else max(soonest, now + READY_MARGIN)
        for begin, end in [*busy.get(server.pk, []), (latest + needed, latest + needed)]:
            opening = Opening(server, _whole_start(free_from, server_type.lead_time), min(begin - needed, latest))
            if opening.first <= opening.last:
                yield opening
            free_from = max(free_from, end)


def _busy(demand: Demand) -> dict[int, list[tuple[datetime, datetime]]]:
    """Return by server the spans, in order, in which it is held from the demand's preparation on."""
    rows = Allocation.objects.filter(
        server__server_type=demand.server_type,
        server__region=demand.region,
        state__in=HOLDING,
        occupied__endswith__gt=occupied_period(demand.server_type, demand.period).start,
    ).values_list("server_id", "occupied")
    busy: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for server_pk, occupied in rows:
        busy[server_pk].append((occupied.lower, occupied.upper))
    for spans in busy.values():
        spans.sort()
    return busy


def _whole_start(begin: datetime, lead_time: timedelta) -> datetime:
    """Return the first instant from ``begin`` on that is a lead time before a whole second."""
    start = begin + lead_time
    if start.microsecond:
        start += timedelta(microseconds=1_000_000 - start.microsecond)
    return start - lead_time
