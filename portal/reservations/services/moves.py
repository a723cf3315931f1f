"""Giving unstarted reservations other servers of the same pool, where that helps: never another window or fabric."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.constraints import refuse
from portal.core.errors import StateConflict
from portal.core.locks import lock_rows
from portal.core.periods import Period
from portal.core.repeating import aside
from portal.fleet.models import Server
from portal.operations.services.events import tell
from portal.reservations import calendar, capacity, room
from portal.reservations.capacity import READY_MARGIN, Demand
from portal.reservations.models import Allocation, FreeSpan, Pool, Reservation
from portal.reservations.rearranging import MOST_MOVES, Move, emptied_by, empty_servers
from portal.reservations.services.alter import USED
from portal.reservations.states import HOLDING, AllocationState

ATTEMPTS = 3
"""How often it is thought through anew when somebody else changes what was looked at."""


class _Changed(StateConflict):
    """Somebody else changed what was looked at: nothing is moved."""


def make_room(demand: Demand) -> bool:
    """Move unstarted reservations so that a demand fits which does not fit as they lie. Returns whether it does now.

    Where enough servers are free at every instant, but not the same ones, those are emptied that take the fewest moves.
    """
    return bool(_plan(demand)) and aside("moves", lambda: _make_room(demand))


def _make_room(demand: Demand) -> bool:
    for _ in range(ATTEMPTS):
        moves = _plan(demand)
        if not moves:
            return False
        if _carried_out(moves, lambda: capacity.fits(demand)):
            return True
    return False


def clear_way(reservation: Reservation, until: datetime) -> bool:
    """Move what has not begun away from the servers of a reservation, so that it could keep all of them ``until`` then.

    Returns whether nothing is in the way now; otherwise nothing is moved.
    """
    return bool(_plan_way(reservation, until)) and aside("moves", lambda: _clear_way(reservation, until))


def _clear_way(reservation: Reservation, until: datetime) -> bool:
    for _ in range(ATTEMPTS):
        moves = _plan_way(reservation, until)
        if not moves:
            return False
        if _carried_out(moves, lambda: not _followers(reservation, until)):
            return True
    return False


def _due() -> datetime:
    """Return until when a preparation must not begin for what is moved: a worker may be about to look at it."""
    return clock.now() + READY_MARGIN


def _plan(demand: Demand) -> list[Move]:
    """Return moves after which a demand should fit, in one pool if it may not be spread; empty where none are known."""
    span = capacity.occupied_period(demand.server_type, demand.period)
    pools, is_due = capacity.pools_for(demand), capacity.is_due(span)
    free = calendar.count_free(pools, span, is_due=is_due, most=demand.count)
    for chosen in [[pool] for pool in pools] if demand.same_fabric else [pools]:
        missing = demand.count - sum(free[pool] for pool in chosen)
        if 0 < missing <= MOST_MOVES and room.lowest_level(chosen, span) >= demand.count:
            moves = _emptying(chosen, span, missing, is_due=is_due)
            if moves:
                return moves
    return []


def _emptying(pools: Sequence[int], span: Period, missing: int, *, is_due: bool) -> list[Move]:
    found: list[Move] = []
    for pool in pools:
        lanes = room.lanes(pool, span, due=_due(), is_due=is_due)
        bookings = [booking for lane in lanes for booking in lane]
        gaps = room.gaps_for(pool, bookings, needed=span, is_due=is_due)
        moves = empty_servers(lanes, gaps, missing)
        found.extend(moves)
        missing -= emptied_by(moves, lanes)
        if missing == 0:
            return found if len(found) <= MOST_MOVES else []
    return []


def _plan_way(reservation: Reservation, until: datetime) -> list[Move]:
    """Return moves of everything that follows on the servers of a reservation; empty where not all of it can move."""
    held = Allocation.objects.filter(reservation=reservation, state__in=USED).select_related("server")
    own = [allocation.server_id for allocation in held]
    moves: list[Move] = []
    for allocation in held:
        upper = allocation.occupied.upper
        following = [] if upper >= until else room.in_the_way(allocation.server_id, Period(upper, until), due=_due())
        if following is None:
            return []
        pool = _pool_of(allocation.server) if following else None
        if pool is None:
            continue
        # What was planned for already is in the way of what comes after it.
        taken = [(move.to, move.booking.span) for move in moves]
        gaps = [
            gap
            for gap in room.gaps_for(pool, following, needed=None, but=own)
            if not any(server == gap.server and span.overlaps(gap.span) for server, span in taken)
        ]
        more = empty_servers([following], gaps, 1)
        if not more or len(moves) + len(more) > MOST_MOVES:
            return []
        moves.extend(more)
    return moves


def _pool_of(server: Server) -> int | None:
    pools = Pool.objects.filter(
        server_type=server.server_type_id, region=server.region_id, fabric=server.fabric_id, is_spare=server.is_spare
    )
    return pools.values_list("pk", flat=True).first()


def _followers(reservation: Reservation, until: datetime) -> bool:
    """Tell whether any server of a reservation is somebody else's before ``until``."""
    held = Allocation.objects.filter(reservation=reservation, state__in=USED).values_list("server_id", "occupied")
    wanted = [(server, Period(occupied.upper, until)) for server, occupied in held if occupied.upper < until]
    following = [Q(server=server, occupied__overlap=span.as_range()) for server, span in wanted]
    return any(Allocation.objects.filter(each, state__in=HOLDING).exists() for each in following)


def _carried_out(moves: Sequence[Move], is_met: Callable[[], bool]) -> bool:
    try:
        _carry_out(moves, is_met)
    except _Changed:
        return False
    return True


@transaction.atomic
def _carry_out(moves: Sequence[Move], is_met: Callable[[], bool]) -> None:
    """Do all moves, or none where somebody came between or they did not help. Raises _Changed then.

    Reservations, pools, servers, free time, allocations: the order of everybody who holds several of them.
    """
    reservations = lock_rows(
        Reservation.objects.filter(pk__in={move.booking.reservation for move in moves}).select_related("server_type")
    )
    servers = {move.booking.server for move in moves} | {move.to for move in moves}
    calendar.wait_for_turns(calendar.pools_of(servers))
    locked = {server.pk: server for server in lock_rows(Server.objects.filter(pk__in=servers))}
    due = _due()
    if not all(row.state in room.MOVABLE_STATES and _begins(row) > due for row in reservations):
        raise _Changed("A reservation is about to begin.")
    _lock_free_time(moves)
    for move in moves:
        _move(move, locked)
    if not is_met():
        raise _Changed("It did not help.")
    moved = Counter(move.booking.reservation for move in moves)
    for reservation in reservations:
        tell(actor=SYSTEM, subject=reservation.public_id, event_type="reservation.moved", count=moved[reservation.pk])


def _begins(reservation: Reservation) -> datetime:
    return reservation.span.start - reservation.server_type.lead_time


def _lock_free_time(moves: Sequence[Move]) -> None:
    """Lock the free time that is taken, and that which grows by what is given back."""
    touched = Q()
    for move in moves:
        span = move.booking.span
        touched |= Q(server_id=move.to, lo__lte=span.start, hi__gte=span.end)
        touched |= Q(server_id=move.booking.server) & (Q(hi=span.start) | Q(lo=span.end))
    rows = FreeSpan.objects.filter(touched)
    # What somebody took from while it was waited for is another row now.
    while len(lock_rows(rows)) != rows.count():
        pass


def _move(move: Move, servers: dict[int, Server]) -> None:
    booking, new = move.booking, servers[move.to]
    span, held = booking.span.as_range(), AllocationState.BOOKED
    if not FreeSpan.objects.filter(server_id=new.pk, lo__lte=booking.span.start, hi__gte=booking.span.end).exists():
        raise _Changed("The other server is no longer free.")
    unchanged = Allocation.objects.filter(pk=booking.pk, server=booking.server, occupied=span, state=held)
    with refuse("allocation_no_overlap", _Changed("The other server is no longer free.")):
        if unchanged.update(server=new) != 1:
            raise _Changed("What was to be moved has changed.")
    allocation = Allocation.objects.select_related("reservation__organization").get(pk=booking.pk)
    record(
        actor=SYSTEM,
        verb="allocation.moved",
        target=allocation.public_id,
        scope=allocation.reservation.organization.public_id,
        data={"old": servers[booking.server].public_id, "new": new.public_id},
    )
