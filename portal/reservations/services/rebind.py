"""Another server for an unstarted allocation whose own one cannot serve: a free one, or else a spare."""

from collections.abc import Sequence
from datetime import datetime

from django.db import models, transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.locks import lock_row, lock_rows
from portal.core.periods import Period
from portal.fleet.models import POOL_STATES, Server
from portal.fleet.services import set_spare
from portal.fleet.states import ServerState
from portal.operations.selectors import servers_at_work
from portal.operations.services.events import tell
from portal.reservations import calendar, capacity
from portal.reservations.capacity import READY_MARGIN, Demand
from portal.reservations.models import Allocation, FreeSpan, Placement, Pool, Reservation
from portal.reservations.room import MOVABLE_STATES
from portal.reservations.states import AllocationState

BATCH = 200
SPARES_TRIED = 8
"""Others may take what was seen to be free; this many spares are tried, and the next sweep looks again."""


def broken() -> models.QuerySet[Allocation]:
    """Return allocations that are to come, and whose servers have left what can be promised, the soonest first."""
    rows = Allocation.objects.filter(state=AllocationState.BOOKED, reservation__state__in=MOVABLE_STATES)
    to_come = rows.filter(occupied__startswith__gt=clock.now() + READY_MARGIN)
    return to_come.exclude(server__state__in=POOL_STATES).order_by("occupied__startswith", "pk")


def rebind_broken() -> int:
    """Give such allocations other servers ahead of time; return how many got one."""
    return sum(rebind(actor=SYSTEM, allocation=allocation) for allocation in broken()[:BATCH])


@transaction.atomic
def rebind(*, actor: Actor, allocation: Allocation) -> bool:
    """Give an allocation whose server left the pool another one for the same time. Returns whether there was one."""
    reservation = lock_row(Reservation, allocation.reservation_id)
    fresh = broken().filter(pk=allocation.pk).select_related("server__fabric").first()
    if fresh is None:
        return False
    lock_replaced(reservation, [fresh])
    since = Period.of_range(fresh.occupied).start
    return replace_server(actor=actor, reservation=reservation, allocation=fresh, since=since)


def lock_replaced(reservation: Reservation, allocations: Sequence[Allocation]) -> None:
    """Lock the servers that allocations of a locked reservation are to lose, before ``replace_server`` for any of them.

    Pools, servers, free time: the order of everybody who holds several of them.
    """
    pools = Pool.objects.filter(server_type=reservation.server_type_id, region=reservation.region_id)
    calendar.wait_for_turns(pools.values_list("pk", flat=True))
    lock_rows(Server.objects.filter(pk__in=[allocation.server_id for allocation in allocations]))


def replace_server(*, actor: Actor, reservation: Reservation, allocation: Allocation, since: datetime) -> bool:
    """Give an allocation of a locked reservation another server, of the same fabric if that was promised.

    It is kept from ``since`` on for as long as the old one was. Returns whether there was one. Call it after
    ``lock_replaced`` in the same transaction.
    """
    span = Period(since, Period.of_range(allocation.occupied).end)
    server = another_server(actor=actor, reservation=reservation, old=allocation.server, span=span)
    if server is None:
        return False
    old = allocation.server
    Allocation.objects.filter(pk=allocation.pk).update(server=server, occupied=span.as_range())
    allocation.server, allocation.occupied = server, span.as_range()
    record(
        actor=actor,
        verb="allocation.server_replaced",
        target=allocation.public_id,
        scope=reservation.organization.public_id,
        data={"old": old.public_id, "new": server.public_id, "old_state": old.state},
    )
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.server_replaced", old=allocation.hostname)
    return True


def another_server(*, actor: Actor, reservation: Reservation, old: Server, span: Period) -> Server | None:
    """Lock one that can take the place of ``old`` in a locked reservation for ``span``; a spare for want of others.

    It is of the same fabric if that was promised. None where there is none. Call it after ``lock_replaced``.
    """
    fabric = old.fabric if reservation.placement == Placement.SAME_FABRIC else None
    demand = Demand(
        reservation.server_type, reservation.region, 1, reservation.span, reservation.placement, fabric=fabric
    )
    found = capacity.take(demand, span)
    return Server.objects.get(pk=found[0]) if found else _take_spare(actor, demand, span)


def _take_spare(actor: Actor, demand: Demand, span: Period) -> Server | None:
    """Return a spare whose free time is this transaction's now, and which is a spare no more; None for want of one."""
    pools = capacity.pools_for(demand, with_spares=True)
    spare = Pool.objects.filter(pk__in=pools, is_spare=True).values("pk")
    free = FreeSpan.objects.filter(pool_id__in=spare, lo__lte=span.start, hi__gte=span.end).order_by("hi", "server_id")
    for pk in free.values_list("server_id", flat=True)[:SPARES_TRIED]:
        server = Server.objects.get(pk=pk)
        with transaction.atomic():
            set_spare(actor=actor, server=server, is_spare=False)
            is_free = lock_rows(FreeSpan.objects.filter(server_id=pk, lo__lte=span.start, hi__gte=span.end))
            if is_free and (not capacity.is_due(span) or _is_ready(pk)):
                return server
            transaction.set_rollback(True)
    return None


def _is_ready(pk: int) -> bool:
    at_work = pk in set(servers_at_work())
    return not at_work and Server.objects.filter(pk=pk, state=ServerState.AVAILABLE).exists()
