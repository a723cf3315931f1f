"""What the page of one server shows: its state, what is done with it, what can be, and what happened to it."""

from typing import Any

from portal.fleet.ports import tenant_network_of
from portal.operations.models import OperationServer
from portal.operations.selectors import events_of, latest_action
from portal.operations.stages import STAGES, TITLES
from portal.operations.states import OPEN_PART, OperationKind, PartState
from portal.reservations.models import Allocation
from portal.reservations.states import AllocationState
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope
from portal.web.event_log import log_lines
from portal.web.logins import login_of
from portal.web.server_actions import offered
from portal.web.templatetags.web import moment

LOG_LENGTH = 50
BUSY_S, IDLE_S = 2, 30
"""How often the page looks again: while something is done with the server, and else."""


def live_context(scope: Scope, allocation: Any) -> dict[str, Any]:
    """Return everything that the live part of the page shows, for an allocation of ``server_of``."""
    is_held = allocation.state == AllocationState.SERVING
    part = latest_action(allocation.reservation.public_id, allocation.server_id)
    is_busy = allocation.work is not None
    return {
        "it": allocation,
        "badge": _badge(allocation),
        "sentence": _sentence(allocation, part),
        "trouble": _trouble(part) if is_held and not is_busy else "",
        "facts": _facts(allocation),
        "login": login_of(allocation) if is_held else None,
        "is_rescued": is_held and allocation.rescue_since is not None,
        "actions": offered(allocation).items() if is_held else (),
        "is_busy": is_busy,
        "may_operate": scope.may(Verb.OPERATE),
        "log": log_lines(_events(allocation)),
        "poll_seconds": BUSY_S if is_busy or not is_held else IDLE_S,
    }


def _badge(allocation: Any) -> str:
    if allocation.work_kind == OperationKind.REINSTALL:
        return "reinstalling"
    is_rescued = allocation.state == AllocationState.SERVING and allocation.rescue_since is not None
    return "rescue" if is_rescued else str(allocation.state)


def _sentence(allocation: Any, part: OperationServer | None) -> str:
    """Return what is done with the server now, and at which stage that is."""
    if allocation.state != AllocationState.SERVING:
        return "The reservation ends: the server is erased and taken back."
    if part is None or part.state not in OPEN_PART:
        if allocation.rescue_since is not None:
            return "It is in the rescue system."
        return "It is yours." if allocation.work is None else "Something is being done with it."
    kind = OperationKind(part.operation.kind)
    titles = {stage.name: stage.title for stage in STAGES[kind]}
    stage = titles.get(part.stage, "waiting for a worker")
    return f"{TITLES[kind]}: {stage}{f', {part.percent} %' if part.percent else ''}."


def _trouble(part: OperationServer | None) -> str:
    """Return why the last thing that was asked for did not work out; empty where it did, or was called off."""
    if part is None or part.state != PartState.FAILED:
        return ""
    return f"{TITLES[OperationKind(part.operation.kind)]} did not work out. {part.state_reason} The server stays yours."


def _facts(allocation: Allocation) -> list[dict[str, str]]:
    server, reservation = allocation.server, allocation.reservation
    rows = (
        ("Type", server.server_type.name, server.region.code),
        ("Place", f"Fabric {server.fabric.name}", f"rack {server.rack.name}, unit {server.rack_unit}"),
        *_network(allocation),
        ("Handed over", moment(allocation.ready_at), ""),
        ("Ends", moment(reservation.span.end), ""),
    )
    return [{"label": label, "value": value, "note": note} for label, value, note in rows]


def _network(allocation: Allocation) -> list[tuple[str, str, str]]:
    """Return in which network a server is that is handed over, where it hangs on a switch that we control."""
    if allocation.state != AllocationState.SERVING or not hasattr(allocation.server, "port"):
        return []
    network = tenant_network_of(allocation.server)
    if network is None:
        return [("Network", "None", "cut off until it is reinstalled")]
    return [("Network", f"VLAN {network.vlan_id}", f"partition key {network.partition}" if network.partition else "")]


def _events(allocation: Allocation) -> list[Any]:
    of_server = events_of(allocation.reservation.public_id).filter(server=allocation.server)
    return list(of_server.order_by("-pk")[:LOG_LENGTH])
