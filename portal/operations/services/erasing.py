"""Erasing a server that nobody holds: the only way back into the pool for one that was taken out of it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.fleet.models import Server
from portal.fleet.services import begin_release
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationServer
from portal.operations.selectors import open_part_of
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind, OperationState, PartState

ERASED_ANEW_FROM = (ServerState.MAINTENANCE, ServerState.QUARANTINED)


@transaction.atomic
def erase_anew(*, actor: Actor, server: Server, reason: str) -> Operation:
    """Begin to erase a server that is out of the pool; only proof that all of its drives are clean brings it back.

    Raises StateConflict when the server is in another state, is part of an operation that is still open, or was looked
    at and not found to be what was bought.
    """
    fresh = lock_row(Server, server.pk)
    if fresh.state not in ERASED_ANEW_FROM:
        raise StateConflict(
            f"{fresh.name} is {fresh.state}; only a server that is {', '.join(ERASED_ANEW_FROM)} is erased anew.",
            extra={"state": fresh.state},
        )
    part = open_part_of(fresh.pk)
    if part is not None:
        raise StateConflict(
            f"{fresh.name} is part of an operation that is still open ({part.operation}): wait for it or cancel it."
        )
    _require_as_bought(fresh)
    begin_release(actor=actor, server=fresh, reason=reason)
    return queue_operation(
        actor=actor,
        kind=OperationKind.RELEASE,
        servers=[(fresh, fresh.name)],
        not_before=untouched_from(fresh),
    )


def _require_as_bought(server: Server) -> None:
    """Raise StateConflict for a server that did not pass its latest inspection: to erase it would sell it."""
    looks = OperationServer.objects.filter(server=server, operation__kind=OperationKind.INSPECT)
    last = looks.select_related("operation").order_by("-pk").first()
    if last is not None and last.state != PartState.SUCCEEDED:
        raise StateConflict(
            f"{server.name} did not pass its latest inspection ({last.operation}): inspect it anew, from maintenance; "
            "one that is as bought is erased by itself then."
        )


def untouched_from(server: Server) -> datetime:
    """Return the instant from which no worker can still act on the server for an operation that was called off."""
    lease = timedelta(seconds=settings.METALYARD_LEASE_SECONDS)
    last: datetime | None = Operation.objects.filter(parts__server=server, state=OperationState.CANCELLED).aggregate(
        last=Max("finished_at")
    )["last"]
    now = clock.now()
    return max(now, last + lease) if last else now
