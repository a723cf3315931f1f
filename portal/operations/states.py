"""The life of an operation, and of each server's part in it."""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class OperationKind(StrEnum):
    """What an operation does to its servers."""

    DEPLOY = "deploy"
    RELEASE = "release"
    POWER_ON = "power_on"
    POWER_OFF = "power_off"
    POWER_CYCLE = "power_cycle"
    REBOOT = "reboot"
    REINSTALL = "reinstall"
    RESCUE = "rescue"
    LEAVE_RESCUE = "leave_rescue"
    INSPECT = "inspect"
    ISOLATE = "isolate"


LIFE = (OperationKind.DEPLOY, OperationKind.RELEASE)
"""What a reservation's own state follows."""

FOR_TENANT = (
    OperationKind.POWER_ON,
    OperationKind.POWER_OFF,
    OperationKind.POWER_CYCLE,
    OperationKind.REBOOT,
    OperationKind.REINSTALL,
    OperationKind.RESCUE,
    OperationKind.LEAVE_RESCUE,
)
"""What is asked for, server by server, while a reservation is active; its servers stay with it."""


class OperationState(StrEnum):
    """Names of the states of an operation."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class PartState(StrEnum):
    """Names of the states of one server's part."""

    READY = "ready"
    WORKING = "working"
    AWAITING = "awaiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


O = OperationState  # noqa: E741 - the table reads best with one letter
P = PartState

OPERATION = StateTable.of(
    "operation",
    [O.QUEUED],
    State(
        O.QUEUED,
        "Waits for a worker.",
        Nature.WORKING,
        (O.CLAIMED, O.CANCELLED, O.TIMED_OUT),
        timedelta(hours=2),
        O.TIMED_OUT,
    ),
    State(
        O.CLAIMED,
        "A worker holds it and is about to begin.",
        Nature.WORKING,
        (O.RUNNING, O.QUEUED, O.FAILED, O.CANCELLED, O.TIMED_OUT),
        timedelta(minutes=5),
        O.QUEUED,
    ),
    State(
        O.RUNNING,
        "Its steps are being run, or it waits for the machines and holds no worker.",
        Nature.WORKING,
        (O.SUCCEEDED, O.FAILED, O.QUEUED, O.CANCELLED, O.TIMED_OUT),
        timedelta(hours=4),
        O.TIMED_OUT,
    ),
    State(O.SUCCEEDED, "Every server got through.", Nature.FINAL),
    State(O.FAILED, "At least one server did not get through; each says why.", Nature.FINAL),
    State(O.CANCELLED, "Called off.", Nature.FINAL),
    State(O.TIMED_OUT, "Took longer than it may; what was not finished counts as failed.", Nature.FINAL),
)

PART = StateTable.of(
    "operation_server",
    [P.READY],
    State(
        P.READY,
        "Its next step may be run.",
        Nature.WORKING,
        (P.WORKING, P.AWAITING, P.SUCCEEDED, P.FAILED, P.CANCELLED),
        timedelta(hours=4),
        P.FAILED,
    ),
    State(
        P.WORKING,
        "A playbook works on it.",
        Nature.WORKING,
        (P.READY, P.FAILED, P.CANCELLED),
        timedelta(minutes=30),
        P.FAILED,
    ),
    State(
        P.AWAITING,
        "The portal waits for its report, or for the operation's other servers.",
        Nature.WORKING,
        (P.READY, P.FAILED, P.CANCELLED),
        timedelta(minutes=30),
        P.FAILED,
    ),
    State(P.SUCCEEDED, "Through.", Nature.FINAL),
    State(P.FAILED, "Not through; the reason is with it.", Nature.FINAL),
    State(P.CANCELLED, "Called off.", Nature.FINAL),
)

OPEN_OPERATION = (O.QUEUED, O.CLAIMED, O.RUNNING)
OPEN_PART = (P.READY, P.WORKING, P.AWAITING)

PARTS_OF: dict[OperationState, tuple[PartState, ...]] = {
    O.QUEUED: (P.READY, P.AWAITING, P.SUCCEEDED, P.FAILED),
    O.CLAIMED: (P.READY, P.AWAITING, P.SUCCEEDED, P.FAILED),
    O.RUNNING: tuple(P),
    O.SUCCEEDED: (P.SUCCEEDED,),
    O.FAILED: (P.SUCCEEDED, P.FAILED),
    O.CANCELLED: (P.SUCCEEDED, P.FAILED, P.CANCELLED),
    O.TIMED_OUT: (P.SUCCEEDED, P.FAILED),
}
"""Which states of the parts are legal under each state of the operation."""
