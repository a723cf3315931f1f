"""The BMCs: OpenStack's sushy-tools emulator with a systems driver of ours on its documented driver interface.

What sushy-tools does not model is added around it: one login per system, HTTP boot by address, a boot override that is
really used up, serial numbers, and a log of every write. See
https://docs.openstack.org/sushy-tools/latest/user/dynamic-emulator.html
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from provisioning.simulator.faults import Fault
from provisioning.simulator.machine import Machine

HANG_S = 120
_SYSTEMS = "/redfish/v1/Systems/"
Answer = tuple[str | flask.Response, int] | flask.Response | None


class Driver(AbstractSystemsDriver):  # type: ignore[misc]
    """The emulator's view of our machines, by UUID or name."""

    def __init__(self, machines: dict[str, Machine]) -> None:
        """Serve ``machines``, keyed by UUID."""
        self.machines = machines
        self.by_name = {machine.spec.name: machine for machine in machines.values()}

    def find(self, identity: str) -> Machine:
        """Return the machine of that UUID or name. Raises the emulator's NotFound."""
        machine = self.machines.get(identity) or self.by_name.get(identity)
        if machine is None:
            raise error.NotFound(f"System {identity} was not found")
        return machine

    @property
    def driver(self) -> str:
        """Name of the driver."""
        return "<metalyard>"

    @property
    def systems(self) -> list[str]:
        """UUIDs of all systems."""
        return list(self.machines)

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
        """Do a reset."""
        self.find(identity).reset(state)

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


class Front:
    """What stands in front of the emulator: logins, faults, HTTP boot, and the log of writes."""

    def __init__(self, driver: Driver, log_file: Path) -> None:
        """Guard ``driver`` and log to ``log_file``."""
        self.driver = driver
        self.log_file = log_file

    def _machine(self, path: str) -> Machine | None:
        if not path.startswith(_SYSTEMS) or not path[len(_SYSTEMS) :]:
            return None
        identity = path[len(_SYSTEMS) :].split("/", 1)[0]
        return self.driver.machines.get(identity) or self.driver.by_name.get(identity)

    def _knows(self, login: Any, machine: Machine | None) -> bool:
        if login is None or login.password is None:
            return False
        given = hashlib.sha256(login.password.encode()).hexdigest()
        who = [machine] if machine else list(self.driver.machines.values())
        return any(
            hmac.compare_digest(given, item.spec.bmc_password_sha256) and login.username == item.spec.bmc_user
            for item in who
        )

    def before(self) -> Answer:
        """Refuse, delay or answer a request before the emulator sees it."""
        request = flask.request
        if request.path.strip("/") in ("redfish", "redfish/v1"):
            return None
        machine = self._machine(request.path)
        if not self._knows(request.authorization, machine):
            return flask.jsonify({"error": {"message": "log in with this BMC's credentials"}}), 401
        if machine is None:
            return None
        deadline = time.monotonic() + HANG_S
        while self.driver.find(machine.spec.uuid).wrong(Fault.BMC_HANGS) and time.monotonic() < deadline:
            time.sleep(0.2)
        if request.method == "GET":
            return None
        if machine.wrong(Fault.BMC_REFUSES):
            return flask.jsonify({"error": {"message": "the BMC is busy"}}), 503
        return self._override(machine) if request.method == "PATCH" else None

    def _override(self, machine: Machine) -> Answer:
        body = flask.request.get_json(silent=True)
        boot = body.get("Boot") if isinstance(body, dict) else None
        if not isinstance(boot, dict) or "BootSourceOverrideTarget" not in boot:
            return None
        target = str(boot["BootSourceOverrideTarget"])
        if target not in ("None", "Hdd", "Pxe", "UefiHttp"):
            return flask.jsonify({"error": {"message": f"unsupported boot target {target}"}}), 400
        enabled = str(boot.get("BootSourceOverrideEnabled", "Once"))
        if target == "None":
            enabled = "Disabled"
        machine.override(target, enabled, str(boot.get("HttpBootUri", "")) if target == "UefiHttp" else "")
        return flask.Response(status=204)

    def after(self, response: flask.Response) -> flask.Response:
        """Add to the emulator's answer what it does not model, and log writes."""
        request = flask.request
        machine = self._machine(request.path)
        if machine is None:
            return response
        if request.method == "GET" and response.status_code == 200 and request.path.rstrip("/").count("/") == 4:
            response.set_data(json.dumps(self._completed(machine, json.loads(response.get_data()))))
        if request.method != "GET":
            self._log(machine, request, response.status_code)
        return response

    @staticmethod
    def _completed(machine: Machine, found: dict[str, Any]) -> dict[str, Any]:
        setting = machine.setting
        boot = found.setdefault("Boot", {})
        boot["BootSourceOverrideTarget"] = setting.target
        boot["BootSourceOverrideEnabled"] = setting.enabled
        boot["HttpBootUri"] = setting.uri
        boot["BootSourceOverrideTarget@Redfish.AllowableValues"] = ["None", "Pxe", "Hdd", "UefiHttp"]
        return {**found, "SerialNumber": machine.spec.serial, "Model": machine.spec.model, "Manufacturer": "Emulated"}

    def _log(self, machine: Machine, request: flask.Request, status: int) -> None:
        line = {
            "at": time.time(),
            "system": machine.spec.uuid,
            "method": request.method,
            "path": request.path,
            "body": request.get_json(silent=True),
            "epoch": request.headers.get("X-Metalyard-Epoch"),
            "status": status,
        }
        with self.log_file.open("a") as file:
            file.write(json.dumps(line) + "\n")


def build(machines: dict[str, Machine], folder: Path) -> Callable[..., Any]:
    """Return the emulator as a WSGI application over ``machines``."""
    driver = Driver(machines)
    front = Front(driver, folder / "bmc.log")
    app = emulator.app
    app.config["SUSHY_EMULATOR_FAKE_DRIVER"] = True
    app.config["SUSHY_EMULATOR_STATE_DIR"] = str(folder)

    class Plug:
        """What the emulator calls to make its driver."""

        @staticmethod
        def initialize(_config: object, _logger: object) -> Callable[[], Driver]:
            return lambda: driver

    emulator.fakedriver.FakeDriver = Plug
    app.before_request(front.before)
    app.after_request(front.after)
    wsgi: Callable[..., Any] = app
    return wsgi
