"""What each kind of operation consists of: a table of short playbooks and of waits that hold no worker."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.conf import settings

from portal.operations import stages
from portal.operations.models import BootPurpose
from portal.operations.states import OperationKind


class Goal(StrEnum):
    """Where a step moves servers' ports."""

    NONE = "none"
    PROVISIONING = "provisioning"
    CLEANING = "cleaning"
    TENANT = "tenant"


@dataclass(frozen=True)
class PlaybookStep:
    """One run of a playbook over all servers that are at this step. Every step is safe to repeat.

    ``checks_bmc``: its report says what the BMC is like, and is judged (`controllers`); it changes the password.
    ``accepts``: what servers say of themselves is judged before they go on (`accepting`).
    ``hands_over``: it makes all of the operation's servers one cluster; they go on together (`handing_over`).
    ``moves_to``: it moves ports there; its report says where they are, and is judged (`networks`).
    """

    stage: stages.Stage
    playbook: str
    time_limit: timedelta
    attempts: int
    boot: BootPurpose | None = None
    checks_bmc: bool = False
    accepts: bool = False
    hands_over: bool = False
    moves_to: Goal | None = None


@dataclass(frozen=True)
class AwaitStep:
    """Waiting for a machine's report on one boot: how long until it asks for its job, how long in all."""

    stage: stages.Stage
    purpose: BootPurpose
    open_limit: timedelta
    time_limit: timedelta
    silent_code: str
    late_code: str


@dataclass(frozen=True)
class GatherStep:
    """Waiting until every other open part of the operation is here too, or past it.

    It has no limit of its own: the steps of those it waits for have theirs, and the operation has one. ``look_again``
    is after how long a worker looks whether somebody else failed those.
    """

    stage: stages.Stage
    look_again: timedelta


Step = PlaybookStep | AwaitStep | GatherStep


@dataclass(frozen=True)
class Work:
    """One kind of operation: its steps in order, and whether a lost worker's work may be done again."""

    steps: tuple[Step, ...]
    is_repeatable: bool
    attempts: int
    done_event: str


MINUTE = timedelta(minutes=1)


def _move(stage: stages.Stage, goal: Goal) -> PlaybookStep:
    return PlaybookStep(stage, "move_port.yml", 5 * MINUTE, 3, moves_to=goal)


def _off(stage: stages.Stage, attempts: int = 2) -> PlaybookStep:
    """Switch off by force: what runs on a server must not see the network that it is moved to next."""
    return PlaybookStep(stage, "power_off.yml", 5 * MINUTE, attempts)


IMAGING: tuple[Step, ...] = (
    _move(stages.INSTALLER, Goal.PROVISIONING),
    PlaybookStep(stages.INSTALLER, "deploy_boot.yml", 5 * MINUTE, 2, BootPurpose.IMAGE),
    AwaitStep(stages.IMAGE, BootPurpose.IMAGE, 10 * MINUTE, 40 * MINUTE, "agent_silent", "image_timeout"),
    _off(stages.TENANT_NETWORK),
    _move(stages.TENANT_NETWORK, Goal.NONE),
    _move(stages.TENANT_NETWORK, Goal.TENANT),
    PlaybookStep(stages.FIRST_BOOT, "boot_disk.yml", 5 * MINUTE, 2),
    AwaitStep(stages.FIRST_BOOT, BootPurpose.FIRST_BOOT, 15 * MINUTE, 15 * MINUTE, "no_phone_home", "no_phone_home"),
    PlaybookStep(stages.VERIFY, "verify_ssh.yml", 5 * MINUTE, 2, accepts=True),
    GatherStep(stages.HAND_OVER, MINUTE / 2),
    PlaybookStep(stages.HAND_OVER, "hand_over.yml", 15 * MINUTE, 2, hands_over=True),
)
"""From a server that is off and in no network to a verified system in its tenant's network, one cluster with others."""

# Off and on are steps of their own: each looks at the power first, so a take-over never interrupts a server twice.
SHUT_DOWN = PlaybookStep(stages.SHUT_DOWN, "shut_down.yml", 5 * MINUTE, 2)
SWITCH_OFF = _off(stages.POWER_OFF)
SWITCH_ON = PlaybookStep(stages.POWER_ON, "power_on.yml", 5 * MINUTE, 2)

RESCUING: tuple[Step, ...] = (
    _off(stages.RESCUER),
    PlaybookStep(stages.RESCUER, "rescue_boot.yml", 5 * MINUTE, 2, BootPurpose.RESCUE),
    AwaitStep(stages.RESCUE, BootPurpose.RESCUE, 10 * MINUTE, 10 * MINUTE, "rescue_timeout", "rescue_timeout"),
    # It runs in memory. With nothing in the drive every later start is from disk, whoever causes it.
    PlaybookStep(stages.EJECT, "eject_media.yml", 5 * MINUTE, 3),
)
"""The server stays in its tenant's network: the medium comes by way of the BMC, the report as that of a first boot."""


def _of_power(*steps: Step) -> Work:
    return Work(steps=steps, is_repeatable=True, attempts=5, done_event="server.switched")


CATALOGUE: dict[OperationKind, Work] = {
    OperationKind.DEPLOY: Work(
        steps=(_move(stages.INSTALLER, Goal.NONE), *IMAGING),
        is_repeatable=True,
        attempts=5,
        done_event="server.ready",
    ),
    OperationKind.RELEASE: Work(
        steps=(
            _move(stages.ISOLATION, Goal.NONE),
            _off(stages.ISOLATION, 3),
            _move(stages.ERASER, Goal.CLEANING),
            PlaybookStep(stages.ERASER, "erase_boot.yml", 5 * MINUTE, 3, BootPurpose.ERASE),
            AwaitStep(stages.ERASE, BootPurpose.ERASE, 10 * MINUTE, 120 * MINUTE, "agent_silent", "erase_timeout"),
            PlaybookStep(stages.CONTROLLER, "bmc_baseline.yml", 5 * MINUTE, 3, checks_bmc=True),
            _off(stages.POWER_OFF, 3),
            _move(stages.POWER_OFF, Goal.NONE),
        ),
        is_repeatable=True,
        attempts=5,
        done_event="server.returned",
    ),
    OperationKind.INSPECT: Work(
        steps=(
            _move(stages.INSPECTOR, Goal.NONE),
            _off(stages.INSPECTOR, 3),
            _move(stages.INSPECTOR, Goal.CLEANING),
            PlaybookStep(stages.INSPECTOR, "inspect_boot.yml", 5 * MINUTE, 3, BootPurpose.INSPECT),
            AwaitStep(
                stages.INSPECTION, BootPurpose.INSPECT, 10 * MINUTE, 10 * MINUTE, "agent_silent", "inspect_timeout"
            ),
            PlaybookStep(stages.CONTROLLER, "bmc_baseline.yml", 5 * MINUTE, 3, checks_bmc=True),
            _off(stages.POWER_OFF, 3),
            _move(stages.POWER_OFF, Goal.NONE),
        ),
        is_repeatable=True,
        attempts=5,
        done_event="server.inspected",
    ),
    OperationKind.POWER_ON: _of_power(SWITCH_ON),
    OperationKind.POWER_OFF: _of_power(SHUT_DOWN),
    OperationKind.POWER_CYCLE: _of_power(SWITCH_OFF, SWITCH_ON),
    OperationKind.REBOOT: _of_power(SHUT_DOWN, SWITCH_ON),
    OperationKind.REINSTALL: Work(
        steps=(_move(stages.INSTALLER, Goal.NONE), _off(stages.INSTALLER), *IMAGING),
        is_repeatable=True,
        attempts=5,
        done_event="server.reinstalled",
    ),
    OperationKind.RESCUE: Work(steps=RESCUING, is_repeatable=True, attempts=5, done_event="server.in_rescue"),
    OperationKind.LEAVE_RESCUE: _of_power(SWITCH_OFF, PlaybookStep(stages.POWER_ON, "boot_disk.yml", 5 * MINUTE, 2)),
    OperationKind.ISOLATE: Work(
        steps=(_move(stages.ISOLATION, Goal.NONE),), is_repeatable=True, attempts=5, done_event="server.isolated"
    ),
}


def work_of(kind: str) -> Work:
    """Return what an operation of that kind consists of."""
    return CATALOGUE[OperationKind(kind)]


def ends_its_stage(kind: str, index: int) -> bool:
    """Tell whether no later step belongs to the same stage, so that people may be told that the stage is done."""
    following = work_of(kind).steps[index:]
    return all(step.stage != following[0].stage for step in following[1:])


def scaled(limit: timedelta) -> timedelta:
    """Return a time limit for this installation: emulated machines are quicker than real ones."""
    factor: float = settings.METALYARD_STEP_TIME_FACTOR
    return limit * factor
