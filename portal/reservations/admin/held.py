"""What staff has done with a server that a customer holds. The customer reads that it was staff, and why."""

from django import forms

from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import TenantReasonForm
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.stages import TITLES
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation
from portal.reservations.services.actions import POWER_KINDS, order
from portal.reservations.states import AllocationState

PERMISSION = "fleet.change_server"


class PowerForm(TenantReasonForm):
    """What to do with the power."""

    kind = forms.ChoiceField(label="Power", choices=[(kind.value, TITLES[kind]) for kind in POWER_KINDS.values()])
    field_order = ("kind", "reason")


def _order(actor: Actor, row: Server, kind: OperationKind, reason: str) -> None:
    held = Allocation.objects.select_related("reservation").filter(server=row, state=AllocationState.SERVING).first()
    if held is None:
        raise StateConflict(f"No reservation holds {row.name} now.")
    order(actor=actor, allocation=held, kind=kind, staff_reason=reason)


def _switch(actor: Actor, row: Server, values: Values) -> None:
    _order(actor, row, OperationKind(values["kind"]), values["reason"])


def _is_in_rescue(row: Server) -> bool:
    return row.allocations.filter(state=AllocationState.SERVING, rescue_since__isnull=False).exists()


act_on(
    Server,
    Act(
        name="power",
        title="Switch power",
        permission=PERMISSION,
        perform=_switch,
        form=PowerForm,
        fits=in_state(ServerState.IN_USE),
        effects=(
            "The server is switched while a customer holds it: what runs on it is interrupted.",
            "Power off and reboot ask the operating system first; a power cycle does not.",
        ),
        done="The power of {row} is being switched.",
        icon="power_settings_new",
        is_grave=True,
    ),
    Act(
        name="reinstall",
        title="Reinstall",
        permission=PERMISSION,
        perform=lambda actor, row, values: _order(actor, row, OperationKind.REINSTALL, values["reason"]),
        form=TenantReasonForm,
        fits=in_state(ServerState.IN_USE),
        effects=(
            "The OS image of the reservation is written anew: the customer loses what is on the system disk.",
            "The reservation goes on. If it does not work out, the server stays with the customer.",
        ),
        done="{row} is being reinstalled.",
        icon="restart_alt",
        is_grave=True,
    ),
    Act(
        name="rescue",
        title="Rescue",
        permission=PERMISSION,
        perform=lambda actor, row, values: _order(actor, row, OperationKind.RESCUE, values["reason"]),
        form=TenantReasonForm,
        fits=in_state(ServerState.IN_USE),
        effects=(
            "The server is switched off by force and starts the rescue system: what runs on it is interrupted.",
            "The customer logs in there with the keys of the reservation; its disks are left as they are.",
        ),
        done="{row} is being started into the rescue system.",
        icon="medical_services",
        is_grave=True,
    ),
    Act(
        name="leave_rescue",
        title="Leave rescue",
        permission=PERMISSION,
        perform=lambda actor, row, values: _order(actor, row, OperationKind.LEAVE_RESCUE, values["reason"]),
        form=TenantReasonForm,
        fits=_is_in_rescue,
        effects=(
            "The server is switched off by force: what runs in the rescue system is interrupted.",
            "Then it starts from its disk.",
        ),
        done="{row} is being started from its disk.",
        icon="logout",
        is_grave=True,
    ),
)
