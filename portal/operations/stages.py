"""The stages that people see on a reservation's page, in order. Steps of the catalogue name one of these."""

from dataclasses import dataclass

from portal.operations.states import OperationKind


@dataclass(frozen=True)
class Stage:
    """One stage: stable name, title for people."""

    name: str
    title: str


INSTALLER = Stage("installer", "Network boot")
IMAGE = Stage("image", "OS image")
FIRST_BOOT = Stage("first_boot", "First boot")
TENANT_NETWORK = Stage("tenant_network", "Your network")
VERIFY = Stage("verify", "Acceptance")
HAND_OVER = Stage("hand_over", "Hand-over")
ISOLATION = Stage("isolation", "Off the network")
ERASER = Stage("eraser", "Network boot")
ERASE = Stage("erase", "Erase and read back")
CONTROLLER = Stage("controller", "Controller check")
POWER_OFF = Stage("power_off", "Power off")
INSPECTOR = Stage("inspector", "Network boot")
INSPECTION = Stage("inspection", "Hardware check")
POOL = Stage("pool", "Back in the pool")
SHUT_DOWN = Stage("shut_down", "Shut down")
POWER_ON = Stage("power_on", "Power on")
RESCUER = Stage("rescuer", "Rescue boot")
RESCUE = Stage("rescue", "Rescue system")
EJECT = Stage("eject", "Medium out")

IMAGED = (INSTALLER, IMAGE, TENANT_NETWORK, FIRST_BOOT, VERIFY, HAND_OVER)

STAGES: dict[OperationKind, tuple[Stage, ...]] = {
    OperationKind.DEPLOY: IMAGED,
    OperationKind.RELEASE: (ISOLATION, ERASER, ERASE, CONTROLLER, POWER_OFF, POOL),
    OperationKind.POWER_ON: (POWER_ON,),
    OperationKind.POWER_OFF: (SHUT_DOWN,),
    OperationKind.POWER_CYCLE: (POWER_OFF, POWER_ON),
    OperationKind.REBOOT: (SHUT_DOWN, POWER_ON),
    OperationKind.REINSTALL: IMAGED,
    OperationKind.RESCUE: (RESCUER, RESCUE, EJECT),
    OperationKind.LEAVE_RESCUE: (POWER_OFF, POWER_ON),
    OperationKind.INSPECT: (INSPECTOR, INSPECTION, CONTROLLER, POWER_OFF),
    OperationKind.ISOLATE: (ISOLATION,),
}

TITLES: dict[OperationKind, str] = {
    OperationKind.DEPLOY: "Prepare",
    OperationKind.RELEASE: "Take back",
    OperationKind.POWER_ON: "Power on",
    OperationKind.POWER_OFF: "Power off",
    OperationKind.POWER_CYCLE: "Power cycle",
    OperationKind.REBOOT: "Reboot",
    OperationKind.REINSTALL: "Reinstall",
    OperationKind.RESCUE: "Rescue",
    OperationKind.LEAVE_RESCUE: "Leave rescue",
    OperationKind.INSPECT: "Inspect",
    OperationKind.ISOLATE: "Isolate",
}
"""What people call each kind of operation."""


def position(kind: OperationKind, name: str) -> int:
    """Return the place of the stage in its kind's order, from 0. Raises ValueError for an unknown stage."""
    names = [stage.name for stage in STAGES[kind]]
    return names.index(name)
