"""Calling off work on machines on the provider's side, with everything that follows for servers and reservations."""

from django.db import transaction

from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.fleet.models import Server
from portal.fleet.services import give_up_erasure
from portal.operations.models import Operation
from portal.operations.selectors import parts_of
from portal.operations.services.events import tell
from portal.operations.services.queue import cancel_operation
from portal.operations.states import OPEN_OPERATION, OperationKind, PartState
from portal.reservations.models import Reservation
from portal.reservations.services import outcomes
from portal.reservations.services.lifecycle import call_off
from portal.reservations.states import ReservationState

STOPPED = "Erasing was stopped."


@transaction.atomic
def stop_operation(*, actor: Actor, operation: Operation, reason: str) -> None:
    """Call off an open operation and settle what it was for.

    A deployment takes its reservation with it: what was begun is erased. An erasure leaves its servers unproved: they
    are quarantined, and the reservation that gave them back is over. Raises StateConflict for an operation that is
    final, or whose reservation has moved on.
    """
    # Reservation before operation: the order of everybody who ends one.
    reservations = lock_rows(Reservation.objects.filter(public_id=operation.subject))
    fresh = lock_row(Operation, operation.pk)
    if fresh.state not in OPEN_OPERATION:
        raise StateConflict(f"{fresh} is {fresh.state}: there is nothing left to stop.", extra={"state": fresh.state})
    if fresh.kind == OperationKind.DEPLOY:
        _stop_deployment(actor, fresh, reservations, reason)
    else:
        _stop_erasure(actor, fresh, reason)


def _stop_deployment(actor: Actor, operation: Operation, reservations: list[Reservation], reason: str) -> None:
    for reservation in reservations:
        if reservation.state == ReservationState.PROVISIONING:
            call_off(actor=actor, reservation=reservation, reason=reason)
            return
    raise StateConflict(f"{operation} prepares no reservation that could be called off; its deadline will end it.")


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
