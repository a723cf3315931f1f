"""Another server in the place of one that failed while it was prepared: the customer gets what was booked."""

from collections.abc import Sequence

from django.db import transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.periods import Period
from portal.operations import failures
from portal.operations.models import Operation, OperationServer
from portal.operations.services.events import tell
from portal.operations.services.queue import add_part
from portal.operations.states import PartState
from portal.reservations.capacity import occupied_period, turnover_period
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.rebind import another_server, lock_replaced
from portal.reservations.states import AllocationState, ReservationState

SHARE = 8
"""Of this many servers one may be replaced, and one more: where more fail, more would fail for the same reason."""


def replacements_left(parts: Sequence[OperationServer]) -> int:
    """Return how many more servers an operation with these parts may take in the place of failed ones."""
    wanted = len({part.hostname for part in parts})
    return max(0, 1 + wanted // SHARE - (len(parts) - wanted))


def replaceable(parts: Sequence[OperationServer]) -> list[OperationServer]:
    """Return which of an operation's parts, in their order, failed by themselves and have no other server yet.

    None where the operation may take no more.
    """
    latest = {part.hostname: part for part in parts}.values()
    failed = [part for part in latest if part.state == PartState.FAILED and part.error_code not in failures.OF_ALL]
    return failed if replacements_left(parts) else []


@transaction.atomic
def replace_failed(
    *, actor: Actor, reservation: Reservation, operation: Operation, parts: Sequence[OperationServer]
) -> int:
    """Give a deployment other servers for those of its parts that are ``replaceable``; return how many it got.

    Each is prepared from the first step on under the host name of the one that failed, whose own allocation stays as it
    ended. Both rows are locked, and nobody else works on the operation.
    """
    if reservation.state not in (ReservationState.PROVISIONING, ReservationState.ACTIVE):
        return 0
    failed = replaceable(parts)
    rows = Allocation.objects.select_related("server__fabric").filter(
        reservation=reservation, state=AllocationState.FAILED, server__in=[part.server_id for part in failed]
    )
    lost = {allocation.server_id: allocation for allocation in rows}
    replaced = [part for part in failed if part.server_id in lost][: replacements_left(parts)]
    if not replaced or reservation.span.end <= clock.now():
        return 0
    lock_replaced(reservation, [lost[part.server_id] for part in replaced])
    return sum(_replace(actor, reservation, operation, part, lost[part.server_id]) for part in replaced)


def _replace(
    actor: Actor, reservation: Reservation, operation: Operation, part: OperationServer, lost: Allocation
) -> bool:
    span = occupied_period(reservation.server_type, Period(clock.now(), reservation.span.end))
    server = another_server(actor=actor, reservation=reservation, old=lost.server, span=span)
    # One that is free again is still the one that failed here.
    if server is None or operation.parts.filter(server=server).exists():
        return False
    turnover = turnover_period(reservation.server_type, reservation.span.end)
    made = Allocation.objects.create(
        reservation=reservation,
        server=server,
        state=AllocationState.BOOKED,
        position=lost.position,
        hostname=lost.hostname,
        occupied=span.as_range(),
        turnover=turnover.as_range() if turnover else None,
    )
    add_part(operation=operation, server=server, hostname=lost.hostname)
    record(
        actor=actor,
        verb="allocation.server_replaced",
        target=made.public_id,
        scope=reservation.organization.public_id,
        data={"old": lost.server.public_id, "new": server.public_id, "reason": part.error_code},
    )
    tell(actor=actor, subject=reservation.public_id, event_type="server.replaced", part=part)
    return True
