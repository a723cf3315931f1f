"""Calling off work on machines on the provider's side, with everything that follows for servers and reservations."""

from django.db import transaction

from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.fleet.inspections import fail_inspection
from portal.fleet.models import Server
from portal.fleet.services import give_up_erasure
from portal.operations.models import Operation
from portal.operations.selectors import parts_of
from portal.operations.services.events import tell
from portal.operations.services.isolating import isolate_stray
from portal.operations.services.queue import cancel_operation
from portal.operations.states import FOR_TENANT, OPEN_OPERATION, OperationKind, PartState
from portal.reservations.models import Reservation
from portal.reservations.services import outcomes
from portal.reservations.services.lifecycle import call_off
from portal.reservations.states import ReservationState

STOPPED = "Erasing was stopped."


@transaction.atomic
def stop_operation(*, actor: Actor, operation: Operation, reason: str) -> None:
    """Call off an open operation and settle what it was for.

    A deployment takes its reservation with it: what was begun is erased. An erasure leaves its servers unproved: they
    are quarantined, and the reservation that gave them back is over. An inspection has failed then. Anything else
    leaves its servers with their tenant. What is in a network by then that it has no business in leaves it. Raises
    StateConflict for an operation that is final, or whose reservation has moved on, and for one of the last two kinds
    while a worker is at it.
    """
    # Reservation before operation: the order of everybody who ends one.
    reservations = lock_rows(Reservation.objects.filter(public_id=operation.subject))
    fresh = lock_row(Operation, operation.pk)
    if fresh.state not in OPEN_OPERATION:
        raise StateConflict(f"{fresh} is {fresh.state}: there is nothing left to stop.", extra={"state": fresh.state})
    if fresh.kind == OperationKind.DEPLOY:
        _stop_deployment(actor, fresh, reservations, reason)
    elif fresh.kind == OperationKind.RELEASE:
        _stop_erasure(actor, fresh, reason)
    elif fresh.kind == OperationKind.ISOLATE:
        raise StateConflict(f"{fresh} takes a server off a network that it has no business in: it is not stopped.")
    elif fresh.claimed_by:
        # What is asked for next begins at once: nobody may still be acting on the servers then.
        raise StateConflict(f"A worker is at {fresh} just now; look again in a moment.")
    elif fresh.kind in FOR_TENANT:
        _stop_for_tenant(actor, fresh, reason)
    else:
        _stop_inspection(actor, fresh, reason)
    for part in parts_of(fresh).filter(state=PartState.CANCELLED).order_by("server_id"):
        isolate_stray(actor=actor, server=part.server)


def _stop_deployment(actor: Actor, operation: Operation, reservations: list[Reservation], reason: str) -> None:
    for reservation in reservations:
        if reservation.state == ReservationState.PROVISIONING:
            call_off(actor=actor, reservation=reservation, reason=reason)
            return
    raise StateConflict(f"{operation} prepares no reservation that could be called off; its deadline will end it.")


def _stop_for_tenant(actor: Actor, operation: Operation, reason: str) -> None:
    cancel_operation(actor=actor, operation=operation, reason=reason)
    for part in parts_of(operation).filter(state=PartState.CANCELLED):
        tell(actor=actor, subject=operation.subject, event_type="server.stopped", part=part, reason=reason)
        if part.step > 0:
            outcomes.rescue_over(part=part)


def _stop_inspection(actor: Actor, operation: Operation, reason: str) -> None:
    cancel_operation(actor=actor, operation=operation, reason=reason)
    for part in parts_of(operation).filter(state=PartState.CANCELLED):
        fail_inspection(actor=actor, server=part.server, operation_id=operation.public_id, reason=reason)


def _stop_erasure(actor: Actor, operation: Operation, reason: str) -> None:
    cancel_operation(actor=actor, operation=operation, reason=reason)
    stopped = parts_of(operation).filter(state=PartState.CANCELLED)
    lock_rows(Server.objects.filter(pk__in=stopped.values("server_id")))
    for part in stopped:
        give_up_erasure(actor=actor, server=part.server, reason=reason)
        if operation.subject:
            tell(
                actor=actor,
                subject=operation.subject,
                event_type="server.quarantined",
                part=part,
                reason=STOPPED,
            )
        outcomes.server_returned(part=part)
    outcomes.release_finished(operation=operation)
