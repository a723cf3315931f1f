"""Looking at a server before it is sold, and what follows when it is what was bought: it is erased first."""

from django.db import transaction

from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.fleet.inspections import begin_inspection
from portal.fleet.models import Server
from portal.fleet.services import begin_release
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import open_part_of
from portal.operations.services.erasing import untouched_from
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind

INSPECTED_FROM = (ServerState.ENROLLED, ServerState.INSPECT_FAILED, ServerState.MAINTENANCE)


@transaction.atomic
def inspect(*, actor: Actor, server: Server, reason: str) -> Operation:
    """Begin to compare a server's hardware with what its type is made of.

    Raises StateConflict when the server is in another state, or is part of an operation that is still open.
    """
    fresh = lock_row(Server, server.pk)
    if open_part_of(fresh.pk) is not None:
        raise StateConflict(f"{fresh.name} is part of an operation that is still open: wait for it or cancel it.")
    begin_inspection(actor=actor, server=fresh, reason=reason)
    return queue_operation(
        actor=actor,
        kind=OperationKind.INSPECT,
        servers=[(fresh, fresh.name)],
        not_before=untouched_from(fresh),
    )


@transaction.atomic
def erase_inspected(*, actor: Actor, server: Server, reason: str) -> Operation:
    """Begin to erase a server that is what was bought: only that leads to the pool. Raises StateConflict."""
    fresh = lock_row(Server, server.pk)
    begin_release(actor=actor, server=fresh, reason=reason)
    return queue_operation(actor=actor, kind=OperationKind.RELEASE, servers=[(fresh, fresh.name)])
