"""What follows from the work on machines: one table from kind of operation to the portal's services.

Every function here may be called twice: the second time it finds the change made.
"""

from collections.abc import Callable
from dataclasses import dataclass

from portal.core.actors import SYSTEM
from portal.core.locks import lock_row
from portal.fleet import services as fleet
from portal.fleet.certificates import NOBODY, LeftBy, is_certified_since
from portal.fleet.erasures import flaws_of
from portal.fleet.inspections import fail_inspection
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationServer
from portal.operations.selectors import last_for_tenant, open_part_of
from portal.operations.services.events import tell
from portal.operations.services.inspecting import erase_inspected
from portal.operations.states import OperationKind
from portal.reservations.services import outcomes as reservations

ERASABLE = (
    ServerState.DEPLOYING,
    ServerState.DEPLOY_FAILED,
    ServerState.IN_USE,
    ServerState.MAINTENANCE,
    ServerState.QUARANTINED,
)


@dataclass(frozen=True)
class Outcome:
    """What one kind of operation means for servers and reservations."""

    begin: Callable[[OperationServer], bool]
    succeeded: Callable[[OperationServer], None]
    failed: Callable[[OperationServer], None]
    finished: Callable[[Operation], None]
    unready_code: str = "server_not_ready"
    """Why a server fails that ``begin`` does not take into work."""
    refused_code: str = "server_not_ready"
    """Why a server fails that is through its steps, where ``succeeded`` does not accept that."""


def _fresh(part: OperationServer) -> Server:
    return lock_row(Server, part.server_id)


def _begin_deploy(part: OperationServer) -> bool:
    server = _fresh(part)
    if server.state == ServerState.AVAILABLE:
        fleet.begin_deploy(actor=SYSTEM, server=server, reason=part.operation.subject)
    return server.state == ServerState.DEPLOYING


def _deployed(part: OperationServer) -> None:
    fleet.hand_over(actor=SYSTEM, server=_fresh(part))
    image = part.operation.image
    reservations.server_ready(part=part, ssh_user=image.default_user if image else "")


def _deploy_failed(part: OperationServer) -> None:
    server = _fresh(part)
    # Once this is noted the server may already be deploying for somebody else.
    if reservations.server_failed(part=part) and server.state == ServerState.DEPLOYING:
        fleet.fail_deploy(actor=SYSTEM, server=server, reason=part.state_reason)


def _begin_release(part: OperationServer) -> bool:
    server = _fresh(part)
    if server.state in ERASABLE:
        fleet.begin_release(actor=SYSTEM, server=server, reason=part.operation.subject or "asked for by staff")
    return server.state == ServerState.RELEASING


def _released(part: OperationServer) -> None:
    operation, server = part.operation, _fresh(part)
    left_by = LeftBy(operation.subject, operation.project) if operation.subject else _left_uncertified(server)
    fleet.return_to_pool(actor=SYSTEM, server=server, operation_id=operation.public_id, left_by=left_by)
    reservations.server_returned(part=part)


def _left_uncertified(server: Server) -> LeftBy:
    """Return whose data staff have erased anew: of the last tenant, unless a certificate says that it was gone."""
    last = last_for_tenant(server.pk)
    if last is None or is_certified_since(server, last.state_changed_at):
        return NOBODY
    return LeftBy(last.operation.subject, last.operation.project)


def _release_failed(part: OperationServer) -> None:
    server = _fresh(part)
    subject = part.operation.subject
    # Once this is noted the server may already be with somebody else, or be erased anew.
    ours = reservations.server_returned(part=part) if subject else open_part_of(server.pk) in (None, part)
    if not ours:
        return
    before = server.state
    fleet.give_up_erasure(actor=SYSTEM, server=server, reason=_why_not_released(part))
    if subject and _fresh(part).state != before:
        tell(
            actor=SYSTEM,
            subject=subject,
            event_type="server.quarantined",
            part=part,
            reason=part.state_reason,
        )


def _why_not_released(part: OperationServer) -> str:
    """Return for staff why a server is not released, with what its drives lack."""
    flaws = flaws_of(part.server, part.operation.public_id) if part.error_code == "erase_unproved" else []
    return f"{part.state_reason} ({'; '.join(flaws)})" if flaws else part.state_reason


def _is_held(part: OperationServer) -> bool:
    return _fresh(part).state == ServerState.IN_USE and reservations.server_is_held(part=part)


def _nothing_more(_: OperationServer | Operation) -> None:
    """Let that be all: the reservation and its servers are as they were."""


def _reinstalled(part: OperationServer) -> None:
    image = part.operation.image
    reservations.server_reinstalled(part=part, ssh_user=image.default_user if image else "")


def _in_rescue(part: OperationServer) -> None:
    reservations.server_in_rescue(part=part)


def _stays(part: OperationServer) -> None:
    # The first step of each switches the server off, or cuts it off: what ran in its memory is not there any more.
    if part.step > 0:
        reservations.rescue_over(part=part)
    reservations.server_stays(part=part)


def _for_tenant(succeeded: Callable[[OperationServer], None]) -> Outcome:
    """Return what it means that something is done with a server that a tenant holds, and keeps whatever comes of it."""

    def done(part: OperationServer) -> None:
        if part.operation.kind != OperationKind.RESCUE:
            reservations.rescue_over(part=part)
        succeeded(part)

    return Outcome(
        begin=_is_held,
        succeeded=done,
        failed=_stays,
        finished=_nothing_more,
        unready_code="server_not_held",
        refused_code="server_not_held",
    )


def _is_inspected(part: OperationServer) -> bool:
    return _fresh(part).state == ServerState.INSPECTING


def _inspected(part: OperationServer) -> None:
    server = _fresh(part)
    if server.state == ServerState.INSPECTING:
        erase_inspected(
            actor=SYSTEM, server=server, reason=f"found to be what was bought by {part.operation.public_id}"
        )


def _inspect_failed(part: OperationServer) -> None:
    server = _fresh(part)
    if server.state == ServerState.INSPECTING and open_part_of(server.pk) in (None, part):
        operation_id = part.operation.public_id
        fail_inspection(actor=SYSTEM, server=server, operation_id=operation_id, reason=part.state_reason)


OUTCOMES: dict[OperationKind, Outcome] = {
    OperationKind.DEPLOY: Outcome(
        _begin_deploy, _deployed, _deploy_failed, lambda operation: reservations.deploy_finished(operation=operation)
    ),
    OperationKind.RELEASE: Outcome(
        _begin_release,
        _released,
        _release_failed,
        lambda operation: reservations.release_finished(operation=operation),
        refused_code="erase_unproved",
    ),
    OperationKind.INSPECT: Outcome(_is_inspected, _inspected, _inspect_failed, _nothing_more),
    OperationKind.ISOLATE: Outcome(lambda _part: True, _nothing_more, _nothing_more, _nothing_more),
    OperationKind.POWER_ON: _for_tenant(_nothing_more),
    OperationKind.POWER_OFF: _for_tenant(_nothing_more),
    OperationKind.POWER_CYCLE: _for_tenant(_nothing_more),
    OperationKind.REBOOT: _for_tenant(_nothing_more),
    OperationKind.REINSTALL: _for_tenant(_reinstalled),
    OperationKind.RESCUE: _for_tenant(_in_rescue),
    OperationKind.LEAVE_RESCUE: _for_tenant(_nothing_more),
}


def outcome_of(kind: str) -> Outcome:
    """Return what an operation of that kind means."""
    return OUTCOMES[OperationKind(kind)]
