"""Beginning to prepare the servers of a reservation that is due."""

from datetime import timedelta

from django.db import transaction

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import lock_row
from portal.core.periods import Period
from portal.fleet.states import ServerState
from portal.operations.failures import explain
from portal.operations.models import Operation
from portal.operations.selectors import servers_at_work
from portal.operations.services.events import tell
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind
from portal.reservations import capacity
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.lifecycle import booked, fail
from portal.reservations.services.rebind import lock_replaced, replace_server
from portal.reservations.states import AllocationState, ReservationState

START_GRACE = timedelta(minutes=30)
"""How long a start waits for servers that are still being erased before the others go ahead without them."""

NOT_READY = "server_not_ready"


@transaction.atomic
def begin_provisioning(*, actor: Actor, reservation: Reservation) -> Operation | None:
    """Queue the deployment of a scheduled reservation whose preparation is due.

    A server that is not ready is replaced by a free one where there is one; otherwise the start waits for it, up to
    START_GRACE past the start, and then goes ahead without it. With no server at all the reservation fails.
    Returns None when there is nothing to do, or not yet.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if not _is_due(fresh):
        return None
    allocations = booked(fresh)
    missing = _replace(actor, fresh, _unready(allocations))
    if missing and clock.now() < fresh.span.start + START_GRACE:
        _note_delay(actor, fresh, len(missing))
        return None
    for allocation in missing:
        _leave_behind(actor, fresh, allocation)
    ready = [allocation for allocation in allocations if allocation.state == AllocationState.BOOKED]
    operation = _deploy(actor, fresh, ready) if ready else None
    if operation is None:
        fail(actor=actor, reservation=fresh, reason="none of its servers became free in time")
    reservation.refresh_from_db()
    return operation


def _is_due(reservation: Reservation) -> bool:
    now, span = clock.now(), reservation.span
    begins = span.start - reservation.server_type.lead_time
    return reservation.state == ReservationState.SCHEDULED and begins <= now < span.end


def _unready(allocations: list[Allocation]) -> list[Allocation]:
    at_work = set(servers_at_work())
    return [
        allocation
        for allocation in allocations
        if allocation.server.state != ServerState.AVAILABLE or allocation.server_id in at_work
    ]


def _replace(actor: Actor, reservation: Reservation, missing: list[Allocation]) -> list[Allocation]:
    """Give unstarted allocations other free servers, of the same fabric if promised; return those that got none."""
    if not missing:
        return []
    # Each is replaced on its own, a few good ones are better than none; their rows are locked all at once, in order.
    lock_replaced(reservation, missing)
    remaining = Period(max(clock.now(), reservation.span.start), reservation.span.end)
    since = capacity.occupied_period(reservation.server_type, remaining).start
    return [
        allocation
        for allocation in missing
        if not replace_server(actor=actor, reservation=reservation, allocation=allocation, since=since)
    ]


def _note_delay(actor: Actor, reservation: Reservation, count: int) -> None:
    if reservation.start_delayed_at is None:
        Reservation.objects.filter(pk=reservation.pk).update(start_delayed_at=clock.now())
        tell(actor=actor, subject=reservation.public_id, event_type="reservation.start_delayed", count=count)


def _leave_behind(actor: Actor, reservation: Reservation, allocation: Allocation) -> None:
    """Give up a server that others are not done with; it is theirs to bring back."""
    reason = explain(NOT_READY)
    advance(allocation, AllocationState.FAILED, actor=actor, reason=reason)
    tell(
        actor=actor,
        subject=reservation.public_id,
        event_type="server.failed",
        server=allocation.server,
        hostname=allocation.hostname,
        reason=reason,
        error_code=NOT_READY,
    )


def _deploy(actor: Actor, reservation: Reservation, allocations: list[Allocation]) -> Operation:
    operation = queue_operation(
        actor=actor,
        kind=OperationKind.DEPLOY,
        subject=reservation.public_id,
        project=reservation.project,
        servers=[(allocation.server, allocation.hostname) for allocation in allocations],
        image=reservation.image,
        ssh_keys=reservation.ssh_keys,
        user_data=reservation.user_data,
    )
    advance(
        reservation,
        ReservationState.PROVISIONING,
        actor=actor,
        scope=reservation.organization.public_id,
        data={"operation": operation.public_id},
    )
    tell(
        actor=actor,
        subject=reservation.public_id,
        event_type="reservation.provisioning",
        operation=operation,
        count=len(allocations),
    )
    return operation
