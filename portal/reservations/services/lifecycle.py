"""Starting, ending and cancelling reservations. Each may be asked for twice."""

from datetime import datetime, timedelta

from django.db import transaction

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import operations_for
from portal.operations.services.events import tell
from portal.operations.services.queue import cancel_operation, queue_operation
from portal.operations.states import OPEN_OPERATION, OperationKind
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

START_GRACE = timedelta(minutes=30)
"""How long a start waits for servers that are still being erased before the others go ahead without them."""

TO_BE_ERASED = (ServerState.DEPLOYING, ServerState.IN_USE)


def _booked(reservation: Reservation) -> list[Allocation]:
    locked = lock_rows(Allocation.objects.filter(reservation=reservation, state=AllocationState.BOOKED))
    return list(
        Allocation.objects.select_related("server")
        .filter(pk__in=[allocation.pk for allocation in locked])
        .order_by("position")
    )


@transaction.atomic
def begin_provisioning(*, actor: Actor, reservation: Reservation) -> Operation | None:
    """Queue the deployment of a scheduled reservation whose preparation is due.

    A server that is not ready is replaced by a free one where there is one; otherwise the start waits for it, up to
    START_GRACE past the start. Returns None when there is nothing to do, or not yet.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.state != ReservationState.SCHEDULED or fresh.span.start - fresh.server_type.lead_time > clock.now():
        return None
    allocations = _booked(fresh)
    missing = [item for item in allocations if item.server.state != ServerState.AVAILABLE]
    missing = [item for item in missing if not _replace(actor, fresh, item)]
    if missing and clock.now() < fresh.span.start + START_GRACE:
        _note_delay(actor, fresh, len(missing))
        return None
    operation = queue_operation(
        actor=actor,
        kind=OperationKind.DEPLOY,
        subject=fresh.public_id,
        project=fresh.project,
        servers=[(item.server, item.hostname) for item in _booked(fresh)],
        image=fresh.image,
        ssh_keys=fresh.ssh_keys,
        user_data=fresh.user_data,
    )
    advance(
        fresh,
        ReservationState.PROVISIONING,
        actor=actor,
        scope=fresh.organization.public_id,
        data={"operation": operation.public_id},
    )
    tell(
        actor=actor,
        subject=fresh.public_id,
        event_type="reservation.provisioning",
        operation=operation,
        count=fresh.count,
    )
    reservation.refresh_from_db()
    return operation


def _note_delay(actor: Actor, reservation: Reservation, count: int) -> None:
    if reservation.start_delayed_at is None:
        Reservation.objects.filter(pk=reservation.pk).update(start_delayed_at=clock.now())
        tell(actor=actor, subject=reservation.public_id, event_type="reservation.start_delayed", count=count)


def _replace(actor: Actor, reservation: Reservation, allocation: Allocation) -> bool:
    """Give an unstarted allocation another free server, of the same fabric if promised; tell whether it worked."""
    demand = Demand(reservation.server_type, reservation.region, 1, _remaining(reservation), reservation.placement)
    free = [server.pk for server in capacity.free_servers(demand)]
    servers = Server.objects.filter(pk__in=free, state=ServerState.AVAILABLE)
    if demand.same_fabric:
        servers = servers.filter(fabric=allocation.server.fabric_id)
    still_free = {server.pk for server in capacity.free_servers(demand)}
    for server in lock_rows(servers):
        if server.pk not in still_free or server.state != ServerState.AVAILABLE:
            continue
        old = allocation.server
        Allocation.objects.filter(pk=allocation.pk).update(server=server)
        allocation.server = server
        record(
            actor=actor,
            verb="allocation.server_replaced",
            target=allocation.public_id,
            scope=reservation.organization.public_id,
            data={"old": old.public_id, "new": server.public_id, "old_state": old.state},
        )
        tell(
            actor=actor,
            subject=reservation.public_id,
            event_type="reservation.server_replaced",
            old=allocation.hostname,
        )
        return True
    return False


def _remaining(reservation: Reservation) -> Period:
    return Period(
        min(max(clock.now(), reservation.span.start), reservation.span.end - timedelta(seconds=1)), reservation.span.end
    )


def cancel(*, scope: Scope, actor: Actor, reservation: Reservation) -> Reservation:
    """Call off a reservation on the customer's wish. Raises Forbidden, and StateConflict as ``call_off`` does."""
    scope.require(Verb.RELEASE)
    return call_off(actor=actor, reservation=reservation, reason=f"cancelled by {actor.label}")


@transaction.atomic
def call_off(*, actor: Actor, reservation: Reservation, reason: str) -> Reservation:
    """Call off a reservation that is not handed over yet; servers that were begun with are erased.

    The caller has made sure that the actor may. Raises StateConflict for one that is active or over.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.state == ReservationState.PROVISIONING:
        return _end(actor, fresh, reason)
    if fresh.state == ReservationState.ACTIVE:
        raise StateConflict("The reservation is active: release it instead.", extra={"state": fresh.state})
    advance(
        fresh,
        ReservationState.CANCELLED,
        actor=actor,
        scope=fresh.organization.public_id,
        reason=reason,
    )
    for allocation in _booked(fresh):
        advance(allocation, AllocationState.RELEASED, actor=actor, reason="reservation cancelled")
    tell(actor=actor, subject=fresh.public_id, event_type="reservation.cancelled")
    return fresh


def release(*, scope: Scope, actor: Actor, reservation: Reservation) -> Reservation:
    """End an active reservation on the customer's wish. Raises Forbidden, and StateConflict as ``take_back`` does."""
    scope.require(Verb.RELEASE)
    return take_back(actor=actor, reservation=reservation, reason=f"released by {actor.label}")


@transaction.atomic
def take_back(*, actor: Actor, reservation: Reservation, reason: str) -> Reservation:
    """End an active reservation now: its servers are erased.

    The caller has made sure that the actor may. Raises StateConflict unless active.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.state != ReservationState.ACTIVE:
        raise StateConflict(
            f"The reservation is {fresh.state}; only an active one can be released.", extra={"state": fresh.state}
        )
    return _end(actor, fresh, reason)


@transaction.atomic
def end_due(*, actor: Actor, reservation: Reservation) -> Reservation:
    """End a reservation whose period is over. One that is not due, or ends already, stays as it is."""
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.span.end > clock.now():
        return fresh
    if fresh.state == ReservationState.SCHEDULED:
        advance(fresh, ReservationState.FAILED, actor=actor, reason="its servers never became free")
        for allocation in _booked(fresh):
            advance(allocation, AllocationState.RELEASED, actor=actor, reason="reservation over")
        return fresh
    if fresh.state not in (ReservationState.ACTIVE, ReservationState.PROVISIONING):
        return fresh
    return _end(actor, fresh, "the period is over")


@transaction.atomic
def overrun(*, actor: Actor, reservation: Reservation) -> None:
    """Move a reservation on whose working state took too long: what is being prepared is taken back; what is being
    taken back is over for the tenant, and its servers' own deadlines deal with them.
    """
    fresh = lock_row(Reservation, reservation.pk)
    if fresh.state_deadline_at is None or fresh.state_deadline_at > clock.now():
        return
    if fresh.state == ReservationState.PROVISIONING:
        _end(actor, fresh, "its preparation took too long")
    elif fresh.state == ReservationState.ENDING:
        for operation in operations_for(fresh.public_id).filter(state__in=OPEN_OPERATION):
            cancel_operation(actor=actor, operation=operation, reason="took too long")
        for allocation in lock_rows(Allocation.objects.filter(reservation=fresh, state=AllocationState.CLEANING)):
            advance(allocation, AllocationState.RELEASED, actor=actor, reason="its erasure took too long")
        close(actor=actor, reservation=fresh)


def _end(actor: Actor, reservation: Reservation, reason: str) -> Reservation:
    """Stop what runs, then queue the erasure of every server that was begun with."""
    not_before = clock.now()
    for operation in operations_for(reservation.public_id).filter(state__in=OPEN_OPERATION):
        not_before = max(not_before, cancel_operation(actor=actor, operation=operation, reason=reason))
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.ending")
    to_erase = _start_cleaning(actor, reservation, reason)
    advance(reservation, ReservationState.ENDING, actor=actor, scope=reservation.organization.public_id, reason=reason)
    if to_erase:
        queue_operation(
            actor=actor,
            kind=OperationKind.RELEASE,
            subject=reservation.public_id,
            project=reservation.project,
            servers=[(allocation.server, allocation.hostname) for allocation in to_erase],
            not_before=not_before,
        )
    else:
        close(actor=actor, reservation=reservation)
    return reservation


def _start_cleaning(actor: Actor, reservation: Reservation, reason: str) -> list[Allocation]:
    held = (AllocationState.BOOKED, AllocationState.SERVING)
    locked = lock_rows(Allocation.objects.filter(reservation=reservation, state__in=held))
    allocations = Allocation.objects.select_related("server").filter(pk__in=[item.pk for item in locked])
    to_erase = []
    for allocation in allocations.order_by("position"):
        if allocation.state == AllocationState.SERVING or allocation.server.state in TO_BE_ERASED:
            advance(allocation, AllocationState.CLEANING, actor=actor, reason=reason)
            to_erase.append(allocation)
        else:
            advance(allocation, AllocationState.RELEASED, actor=actor, reason=reason)
    return to_erase


@transaction.atomic
def close(*, actor: Actor, reservation: Reservation) -> None:
    """Note that all servers of an ending reservation are taken back."""
    advance(reservation, ReservationState.ENDED, actor=actor, scope=reservation.organization.public_id)
    tell(actor=actor, subject=reservation.public_id, event_type="reservation.ended")


def freed_until(occupied: Period, moment: datetime) -> Period:
    """Return ``occupied`` cut off at ``moment``, at least a second long: what is over keeps its place in history."""
    end = min(occupied.end, max(moment, occupied.start + timedelta(seconds=1)))
    return Period(occupied.start, end)
