"""What became of a reservation's servers: called by the outcome path of operations, never by a face."""

from typing import Any

from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.operations.models import Operation, OperationEvent, OperationServer
from portal.operations.services.events import tell
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.freed import wake_waiting_list
from portal.reservations.services.lifecycle import close, fail
from portal.reservations.services.spans import over_at
from portal.reservations.states import AllocationState, ReservationState

STAYS = "server.stays"
FIRST_READY, ADDED_READY = "reservation.active", "reservation.added_servers_ready"


def _reservation_of(operation: Operation) -> Reservation | None:
    row = Reservation.objects.filter(public_id=operation.subject).first() if operation.subject else None
    return lock_row(Reservation, row.pk) if row else None


def _allocation_of(part: OperationServer, state: AllocationState) -> Allocation | None:
    allocations = Allocation.objects.filter(
        reservation__public_id=part.operation.subject, server=part.server, state=state
    )
    return next(iter(lock_rows(allocations)), None)


@transaction.atomic
def server_ready(*, part: OperationServer, ssh_user: str) -> None:
    """Note that a deployed server is the tenant's. Raises StateConflict when its reservation does not wait for it."""
    allocation = _allocation_of(part, AllocationState.BOOKED)
    if allocation is None:
        raise StateConflict(f"{part.operation.subject} does not wait for {part.server}.")
    advance(
        allocation,
        AllocationState.SERVING,
        actor=SYSTEM,
        host_keys=part.host_keys,
        ssh_user=ssh_user,
        ready_at=clock.now(),
    )


@transaction.atomic
def server_failed(*, part: OperationServer) -> bool:
    """Note that a server could not be handed over; the others go on. Returns False where that is noted already."""
    allocation = _allocation_of(part, AllocationState.BOOKED)
    if allocation is None:
        return False
    advance(allocation, AllocationState.FAILED, actor=SYSTEM, reason=part.state_reason)
    return True


def server_is_held(*, part: OperationServer) -> bool:
    """Tell whether a server is handed over to the reservation that a part is for. Call inside a transaction."""
    return _allocation_of(part, AllocationState.SERVING) is not None


@transaction.atomic
def server_reinstalled(*, part: OperationServer, ssh_user: str) -> None:
    """Note how to log in to a server that was installed anew. Raises StateConflict where it is no longer held."""
    allocation = _allocation_of(part, AllocationState.SERVING)
    if allocation is None:
        raise StateConflict(f"{part.operation.subject} no longer holds {part.server}.")
    Allocation.objects.filter(pk=allocation.pk).update(host_keys=part.host_keys, ssh_user=ssh_user)
    record(
        actor=SYSTEM,
        verb="allocation.reinstalled",
        target=allocation.public_id,
        scope=allocation.reservation.organization.public_id,
        data={"operation": part.operation.public_id},
    )


@transaction.atomic
def server_in_rescue(*, part: OperationServer) -> None:
    """Note that a rescue system runs on a server, and how it is known. Raises StateConflict where it is not held."""
    allocation = _allocation_of(part, AllocationState.SERVING)
    if allocation is None:
        raise StateConflict(f"{part.operation.subject} no longer holds {part.server}.")
    _note_rescue(allocation, part, "allocation.rescue_began", rescue_host_keys=part.host_keys, rescue_since=clock.now())


@transaction.atomic
def rescue_over(*, part: OperationServer) -> None:
    """Note, and tell, that a part of an operation has put an end to a rescue system; nothing where there was none."""
    allocation = _allocation_of(part, AllocationState.SERVING)
    if allocation is not None and allocation.rescue_since is not None:
        _note_rescue(allocation, part, "allocation.rescue_over", rescue_host_keys=[], rescue_since=None)
        tell(actor=SYSTEM, subject=part.operation.subject, event_type="server.rescue_over", part=part)


def _note_rescue(allocation: Allocation, part: OperationServer, verb: str, **values: Any) -> None:
    Allocation.objects.filter(pk=allocation.pk).update(**values)
    record(
        actor=SYSTEM,
        verb=verb,
        target=allocation.public_id,
        scope=allocation.reservation.organization.public_id,
        data={"operation": part.operation.public_id},
    )


@transaction.atomic
def server_stays(*, part: OperationServer) -> None:
    """Tell the tenant, once, that it keeps a server with which something did not work out."""
    told = OperationEvent.objects.filter(operation=part.operation, server=part.server, type=STAYS).exists()
    if not told and server_is_held(part=part):
        tell(actor=SYSTEM, subject=part.operation.subject, event_type=STAYS, part=part)


@transaction.atomic
def server_returned(*, part: OperationServer) -> bool:
    """Note that a server is no longer the reservation's, whether it returned to the pool or was quarantined.

    Returns False where that is noted already.
    """
    allocation = _allocation_of(part, AllocationState.CLEANING)
    if allocation is None:
        return False
    advance(
        allocation,
        AllocationState.RELEASED,
        actor=SYSTEM,
        reason=part.state_reason,
        rescue_host_keys=[],
        rescue_since=None,
        **over_at(allocation, clock.now()),
    )
    wake_waiting_list(part.server.server_type_id, part.server.region_id)
    return True


@transaction.atomic
def deploy_finished(*, operation: Operation) -> None:
    """Make the reservation active with the servers that got through, or failed when none did.

    One that is active already has servers more, or is degraded by those that did not get through.
    """
    reservation = _reservation_of(operation)
    if reservation is not None and reservation.state == ReservationState.ACTIVE:
        _added(reservation, operation)
    if reservation is None or reservation.state != ReservationState.PROVISIONING:
        return
    ready = Allocation.objects.filter(reservation=reservation, state=AllocationState.SERVING).count()
    if ready == 0:
        fail(actor=SYSTEM, reservation=reservation, reason="no server could be handed over", operation=operation)
        return
    missing = reservation.count - ready
    advance(
        reservation,
        ReservationState.ACTIVE,
        actor=SYSTEM,
        scope=reservation.organization.public_id,
        reason=f"{missing} of {reservation.count} servers failed" if missing else "",
        degraded=missing > 0,
        handed_over_at=clock.now(),
    )
    tell(
        actor=SYSTEM,
        subject=reservation.public_id,
        event_type=FIRST_READY,
        operation=operation,
        ready=ready,
        count=reservation.count,
    )


def _added(reservation: Reservation, operation: Operation) -> None:
    """Note what became of servers that were added to an active reservation, once."""
    if OperationEvent.objects.filter(operation=operation, type__in=(FIRST_READY, ADDED_READY)).exists():
        return
    parts = dict(operation.parts.values_list("server_id", "hostname"))
    ready = Allocation.objects.filter(
        reservation=reservation, state=AllocationState.SERVING, server__in=list(parts)
    ).count()
    # One that failed and the one that took its place have one host name.
    wanted = len(set(parts.values()))
    missing = wanted - ready
    if missing:
        Reservation.objects.filter(pk=reservation.pk).update(degraded=True)
    record(
        actor=SYSTEM,
        verb="reservation.added_servers_ready",
        target=reservation.public_id,
        scope=reservation.organization.public_id,
        data={"operation": operation.public_id, "ready": ready, "count": wanted},
    )
    tell(
        actor=SYSTEM,
        subject=reservation.public_id,
        event_type=ADDED_READY,
        operation=operation,
        ready=ready,
        count=wanted,
    )


@transaction.atomic
def release_finished(*, operation: Operation) -> None:
    """End the reservation once all of its servers are taken back."""
    reservation = _reservation_of(operation)
    if reservation is not None and reservation.state == ReservationState.ENDING:
        close(actor=SYSTEM, reservation=reservation)
