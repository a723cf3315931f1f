"""The systems driver behind the BMCs, on the interface that OpenStack's sushy-tools documents for drivers.

See https://docs.openstack.org/sushy-tools/latest/user/dynamic-emulator.html
"""

import flask
from sushy_tools import error
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from provisioning.simulator.chassis import Chassis


class Driver(AbstractSystemsDriver):  # type: ignore[misc]
    """The emulator's view of our machines, by UUID or name."""

    def __init__(self, machines: dict[str, Chassis]) -> None:
        """Serve ``machines``, keyed by UUID."""
        self.machines = machines
        self.by_name = {machine.spec.name: machine for machine in machines.values()}

    def look_up(self, identity: str) -> Chassis | None:
        """Return the machine of that UUID or name, if there is one."""
        return self.machines.get(identity) or self.by_name.get(identity)

    def find(self, identity: str) -> Chassis:
        """Return the machine of that UUID or name. Raises the emulator's NotFound."""
        machine = self.look_up(identity)
        if machine is None:
            raise error.NotFound(f"System {identity} was not found")
        return machine

    @property
    def driver(self) -> str:
        """Name of the driver."""
        return "<metalyard>"

    @property
    def systems(self) -> list[str]:
        """UUIDs of the systems that the login of this request opens: a BMC knows no server but its own."""
        return [machine.spec.uuid for machine in flask.g.get("opened", [])]

    def uuid(self, identity: str) -> str:
        """UUID of a system."""
        return self.find(identity).spec.uuid

    def name(self, identity: str) -> str:
        """Name of a system."""
        return self.find(identity).spec.name

    def get_power_state(self, identity: str) -> str:
        """On or Off."""
        return self.find(identity).setting.power

    def set_power_state(self, identity: str, state: str) -> None:
        """Do a reset. Raises the emulator's BadRequest."""
        try:
            self.find(identity).reset(state)
        except ValueError as problem:
            raise error.BadRequest(str(problem)) from problem

    def get_boot_device(self, identity: str) -> str:
        """Target of the boot override."""
        return self.find(identity).setting.target

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Override the boot source until it is changed again."""
        self.find(identity).override(boot_source, "Continuous", "")

    def get_boot_mode(self, identity: str) -> str:
        """All our machines boot by UEFI."""
        self.find(identity)
        return "UEFI"

    def get_http_boot_uri(self, identity: str) -> str:
        """Address of the next HTTP boot."""
        return self.find(identity).setting.uri

    def get_total_memory(self, identity: str) -> int:
        """Memory in GiB."""
        return self.find(identity).spec.memory_gb

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        """The one provisioning port."""
        mac = self.find(identity).spec.mac
        return [{"id": mac, "mac": mac}]
