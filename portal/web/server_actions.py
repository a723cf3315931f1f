"""What can be done with a server, as a table: what each action is called, what it does, what it asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.operations.models import Operation
from portal.operations.stages import TITLES
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation
from portal.reservations.services import actions
from portal.reservations.services.actions import POWER_KINDS, PowerAction, Setup
from portal.tenancy.scope import Scope
from portal.web.forms.server_actions import ActionForm, KeysForm, ReinstallForm


@dataclass(frozen=True)
class Action:
    """One thing that can be done: ``effects`` are said before it is asked for."""

    title: str
    help: str
    effects: tuple[str, ...]
    icon: str
    form: type[ActionForm]
    act: Callable[[Scope, Allocation, dict[str, Any]], Operation]
    loses_data: bool = False


def _power(action: PowerAction, help_text: str, *effects: str) -> Action:
    def act(scope: Scope, allocation: Allocation, _: dict[str, Any]) -> Operation:
        return actions.switch_power(scope=scope, actor=scope.actor, allocation=allocation, action=action)

    return Action(TITLES[POWER_KINDS[action]], help_text, effects, "power", ActionForm, act)


def _reinstall(scope: Scope, allocation: Allocation, asked: dict[str, Any]) -> Operation:
    setup = Setup(asked["image"], asked["ssh_keys"], asked["user_data"])
    return actions.reinstall(scope=scope, actor=scope.actor, allocation=allocation, setup=setup)


def _rescue(scope: Scope, allocation: Allocation, asked: dict[str, Any]) -> Operation:
    return actions.rescue(scope=scope, actor=scope.actor, allocation=allocation, ssh_keys=asked["ssh_keys"])


def _leave_rescue(scope: Scope, allocation: Allocation, _: dict[str, Any]) -> Operation:
    return actions.leave_rescue(scope=scope, actor=scope.actor, allocation=allocation)


STAYS = "The reservation goes on, and so does its price."
ACTIONS = {
    "reboot": _power(
        PowerAction.REBOOT,
        "Shut down, then start again.",
        "The operating system is asked to shut down. If it has not after a grace time, it is forced.",
        "Then the server starts from its disk. One that is off is only started.",
    ),
    "on": _power(PowerAction.ON, "Start from its disk.", "A server that is on already is left alone."),
    "off": _power(
        PowerAction.OFF,
        "Shut down, and stay off.",
        "The operating system is asked to shut down. If it has not after a grace time, it is forced.",
        STAYS,
    ),
    "cycle": _power(
        PowerAction.CYCLE,
        "Take the power away at once, then start again. For a server that does not react any more.",
        "The power is taken away without asking the operating system: what is not on disk yet is lost.",
        "Then the server starts from its disk.",
    ),
    "reinstall": Action(
        TITLES[OperationKind.REINSTALL],
        "Write the OS image anew. What is on the system disk is lost.",
        (
            "The OS image is written anew and checked, then the first boot and the login are verified.",
            "It will have new SSH host keys, which are shown here afterwards.",
            "If it does not work out, the server stays yours and you can try again.",
            STAYS,
        ),
        "refresh-cw",
        ReinstallForm,
        _reinstall,
        loses_data=True,
    ),
    "rescue": Action(
        TITLES[OperationKind.RESCUE],
        "Start a small system in memory, to repair what is on disk. For a server that does not start any more.",
        (
            "The power is taken away without asking the operating system: what is not on disk yet is lost.",
            "Then the server starts the rescue system. It stays in your network, and its drives are left as they are.",
            "You log in as root with your SSH keys; the host key, another one, is shown here before the first login.",
            STAYS,
        ),
        "refresh-cw",
        KeysForm,
        _rescue,
    ),
    "leave-rescue": Action(
        TITLES[OperationKind.LEAVE_RESCUE],
        "Start from its disk again.",
        (
            "The power is taken away at once: unmount what you have mounted in the rescue system first.",
            "Then the server starts from its disk, with the host keys that it had before.",
        ),
        "power",
        ActionForm,
        _leave_rescue,
    ),
}
"""By the name of their page."""


def offered(allocation: Allocation) -> dict[str, Action]:
    """Return what makes sense for a server now, by whether it is in the rescue system."""
    senseless = "on" if allocation.rescue_since else "leave-rescue"
    return {name: action for name, action in ACTIONS.items() if name != senseless}
