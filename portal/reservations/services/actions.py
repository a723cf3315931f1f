"""What may be done with one server while a reservation holds it: power, a new installation, a rescue system.

Whatever comes of it, the server stays with its reservation: nothing here leads to the pool. A reservation that ends
wins: its end calls off what is still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from portal.catalog.models import OSImage
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.core.repeating import repeatable
from portal.fleet.models import BootMethod, Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import open_part_of
from portal.operations.services.events import tell
from portal.operations.services.isolating import may_be_astray
from portal.operations.services.queue import queue_operation
from portal.operations.stages import TITLES
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation, Reservation
from portal.reservations.request import check_setup
from portal.reservations.services.alter import locked, require
from portal.reservations.services.reserve import require_fitting, require_own
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


class PowerAction(StrEnum):
    """What can be done with a server's power."""

    ON = "on"
    OFF = "off"
    REBOOT = "reboot"
    CYCLE = "cycle"


POWER_KINDS = {
    PowerAction.ON: OperationKind.POWER_ON,
    PowerAction.OFF: OperationKind.POWER_OFF,
    PowerAction.REBOOT: OperationKind.REBOOT,
    PowerAction.CYCLE: OperationKind.POWER_CYCLE,
}


ASTRAY_TOO = (OperationKind.POWER_OFF, OperationKind.REINSTALL)
"""What may be done with a server that was left in a network of ours: nothing of its tenant's runs there by that."""


@dataclass(frozen=True)
class Setup:
    """What a server is installed with; what is None is as the reservation has it."""

    image: OSImage | None = None
    ssh_keys: Sequence[SSHKey] | None = None
    user_data: str | None = None


def switch_power(*, scope: Scope, actor: Actor, allocation: Allocation, action: PowerAction) -> Operation:
    """Switch a server's power.

    Raises NotFound for another project's, Forbidden, and StateConflict as ``order`` does.
    """
    require(scope, allocation.reservation, Verb.OPERATE)
    return order(actor=actor, allocation=allocation, kind=POWER_KINDS[action])


def reinstall(*, scope: Scope, actor: Actor, allocation: Allocation, setup: Setup) -> Operation:
    """Write a server's system anew: what is on its system disk is lost.

    Raises NotFound for another project's, Forbidden, InvalidInput on ``image``, ``ssh_keys`` or ``user_data``, and
    StateConflict as ``order`` does.
    """
    require(scope, allocation.reservation, Verb.OPERATE)
    check_setup(setup.ssh_keys, setup.user_data)
    require_own(scope.project, setup.image, setup.ssh_keys or ())
    require_fitting(allocation.reservation.server_type, setup.image)
    return order(actor=actor, allocation=allocation, kind=OperationKind.REINSTALL, setup=setup)


def rescue(
    *, scope: Scope, actor: Actor, allocation: Allocation, ssh_keys: Sequence[SSHKey] | None = None
) -> Operation:
    """Start a server into the rescue system, for the reservation's keys or the ones that are given.

    Raises NotFound for another project's, Forbidden, InvalidInput on ``ssh_keys``, and StateConflict as ``order`` does.
    """
    require(scope, allocation.reservation, Verb.OPERATE)
    check_setup(ssh_keys, None)
    require_own(scope.project, None, ssh_keys or ())
    return order(actor=actor, allocation=allocation, kind=OperationKind.RESCUE, setup=Setup(ssh_keys=ssh_keys))


def leave_rescue(*, scope: Scope, actor: Actor, allocation: Allocation) -> Operation:
    """Start a server that is in the rescue system from its disk.

    Raises NotFound for another project's, Forbidden, and StateConflict as ``order`` does.
    """
    require(scope, allocation.reservation, Verb.OPERATE)
    return order(actor=actor, allocation=allocation, kind=OperationKind.LEAVE_RESCUE)


@repeatable
@transaction.atomic
def order(
    *,
    actor: Actor,
    allocation: Allocation,
    kind: OperationKind,
    setup: Setup = Setup(),
    staff_reason: str = "",
) -> Operation:
    """Queue something to be done with one server of an active reservation, and tell the tenant.

    With ``staff_reason`` it is told as done by the provider's people. The caller has made sure that the actor may.
    Raises StateConflict unless the reservation is active and holds the server, while anything else is done with it, and
    for what makes no sense in the rescue system, outside of it, or on a server that cannot start it.
    """
    reservation = locked(allocation.reservation, (ReservationState.ACTIVE,))
    fresh = lock_row(Allocation, allocation.pk)
    server = Server.objects.get(pk=fresh.server_id)
    _require_held(fresh, server)
    _require_idle(fresh)
    _require_sense(fresh, server, kind)
    operation = queue_operation(
        actor=actor,
        kind=kind,
        subject=reservation.public_id,
        project=reservation.project,
        servers=[(server, fresh.hostname)],
        **_given(reservation, setup, kind),
    )
    words: dict[str, Any] = {"reason": staff_reason} if staff_reason else {"who": actor.label}
    tell(
        actor=actor,
        subject=reservation.public_id,
        event_type="server.asked_by_staff" if staff_reason else "server.asked",
        operation=operation,
        server=server,
        hostname=fresh.hostname,
        what=TITLES[kind],
        **words,
    )
    return operation


def _require_held(allocation: Allocation, server: Server) -> None:
    if allocation.state != AllocationState.SERVING or server.state != ServerState.IN_USE:
        raise StateConflict(
            f"{allocation.hostname} is not handed over: this can only be done while it is.",
            extra={"state": allocation.state},
        )


def _require_idle(allocation: Allocation) -> None:
    part = open_part_of(allocation.server_id)
    if part is not None:
        raise StateConflict(
            f"{allocation.hostname} is in another operation ({TITLES[OperationKind(part.operation.kind)]}): wait until "
            f"{part.operation} is over.",
            extra={"operation": part.operation.public_id},
        )


def _require_sense(allocation: Allocation, server: Server, kind: OperationKind) -> None:
    """Refuse what would do nothing, or not what it says, by whether the server is in the rescue system."""
    why, is_rescued = "", allocation.rescue_since is not None
    if kind == OperationKind.POWER_ON and is_rescued:
        why = "is on, in the rescue system: leave that, and it starts from its disk."
    elif kind == OperationKind.LEAVE_RESCUE and not is_rescued:
        why = "is not in the rescue system: a power cycle starts it from its disk."
    elif kind == OperationKind.RESCUE and server.bmc.boot_method != BootMethod.VIRTUAL_MEDIA:
        # The firmware would have to fetch the medium by way of the tenant's network, where nobody hands media out.
        why = "cannot start the rescue system: its management controller has no virtual drive."
    elif kind not in ASTRAY_TOO and may_be_astray(server):
        # What its tenant has on its disk would run in our network.
        why = (
            "is still to be taken off the network that it was prepared in: ask again in some minutes, or reinstall it."
        )
    if why:
        raise StateConflict(f"{allocation.hostname} {why}")


def _given(reservation: Reservation, setup: Setup, kind: OperationKind) -> dict[str, Any]:
    """Return what an operation of that kind has to know beside its server."""
    keys = reservation.ssh_keys if setup.ssh_keys is None else [key.public_key for key in setup.ssh_keys]
    if kind == OperationKind.RESCUE:
        return {"ssh_keys": keys}
    if kind != OperationKind.REINSTALL:
        return {}
    return {
        "image": setup.image or reservation.image,
        "ssh_keys": keys,
        "user_data": reservation.user_data if setup.user_data is None else setup.user_data,
    }
