"""What stands in front of the emulator: one login per BMC, faults, HTTP boot, virtual media, console, log of writes.

All else that could change something is refused: sushy-tools would fetch media, replace certificates and flash firmware
for whoever is logged in anywhere.
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

import flask

from provisioning.simulator import hardware, host_logger, virtual_media
from provisioning.simulator.boot import TARGETS, merged
from provisioning.simulator.chassis import Chassis
from provisioning.simulator.controller import OWN, Controller, hashed
from provisioning.simulator.driver import Driver
from provisioning.simulator.faults import Fault
from provisioning.simulator.fleet import EMULATED, QEMU
from provisioning.simulator.journal import Journal, Record

HANG_S = 120
_SERVICE = "/redfish/v1/"
_RESET = ["Actions", "ComputerSystem.Reset"]
_ACCOUNT = ("AccountService", ["Accounts", "1"])
_READING = ("GET", "HEAD")
MAKERS = {EMULATED: "Emulated", QEMU: "QEMU"}
Answer = flask.Response | None


class Front:
    """Sees every request before the emulator does, and every answer after it."""

    def __init__(self, driver: Driver, log: Journal, record: Record) -> None:
        """Guard ``driver`` and log to ``log``."""
        self.driver = driver
        self.controllers = {uuid: Controller(machine) for uuid, machine in driver.machines.items()}
        self.log, self.record = log, record

    def _asked(self, path: str) -> tuple[Chassis | None, list[str]]:
        """Return whose system or manager a path is about, and the rest of the path."""
        kind, _, rest = path.removeprefix(_SERVICE).partition("/")
        parts = [part for part in rest.split("/") if part]
        if not path.startswith(_SERVICE):
            return None, []
        if kind in OWN:
            opened = flask.g.get("opened", [])
            # Where a login opens several BMCs, nobody can tell whose account is meant.
            return (opened[0] if len(opened) == 1 else None), [kind, *parts]
        if kind not in ("Systems", "Managers"):
            return None, []
        identity, *more = parts or [""]
        return self.driver.look_up(identity), [kind, *more]

    def _opened_by(self, login: Any) -> list[Chassis]:
        """Return the machines whose BMC takes this login."""
        if login is None or login.password is None or login.username is None:
            return []
        given = hashed(login.password)
        return [item.machine for item in self.controllers.values() if item.opens(login.username, given)]

    def before(self) -> Answer:
        """Refuse, delay or answer a request before the emulator sees it."""
        request = flask.request
        if request.path.strip("/") in ("redfish", "redfish/v1"):
            return None  # open to everybody: DSP0266, service root
        opened = flask.g.opened = self._opened_by(request.authorization)
        machine, rest = self._asked(request.path)
        if not opened or (machine is not None and machine not in opened):
            answer = refusal(401, "log in with this BMC's credentials")
            answer.headers["WWW-Authenticate"] = 'Basic realm="BMC"'
            return answer
        if machine is None:
            return None if request.method in _READING else refusal(405, "this emulated BMC cannot do that")
        hung = self._hang(machine)
        if request.method in _READING:
            return self._read(machine, rest)
        if hung:
            return refusal(503, "the BMC did not answer in time")
        if machine.wrong(Fault.BMC_REFUSES):
            return refusal(503, "the BMC is busy")
        return self._write(machine, rest)

    def _read(self, machine: Chassis, rest: list[str]) -> Answer:
        found = self.controllers[machine.spec.uuid].resource(rest)
        try:
            asked = flask.request.args
            found = found or host_logger.resource(machine, rest, asked) or hardware.resource(machine, rest, asked)
        except ValueError as error:
            return refusal(400, str(error))
        return None if found is None else flask.jsonify(found)

    @staticmethod
    def _hang(machine: Chassis) -> bool:
        """Give no answer while the BMC hangs; tell whether it did. What it was asked meanwhile it does not do later."""
        started = time.monotonic()
        hung = False
        while machine.wrong(Fault.BMC_HANGS) and time.monotonic() - started < HANG_S:
            hung = True
            time.sleep(0.2)
        return hung

    def _write(self, machine: Chassis, rest: list[str]) -> Answer:
        kind, *more = rest
        asked = (flask.request.method, kind, more)
        if asked == ("PATCH", *_ACCOUNT):
            return self._change_password(machine)
        is_media = flask.request.method == "POST" and virtual_media.is_action(rest)
        if not is_media and asked not in (("PATCH", "Systems", []), ("POST", "Systems", _RESET)):
            return refusal(405, "this emulated BMC cannot do that")
        body = _body()
        if body is None:
            return refusal(400, "send a JSON object")
        flask.g.written = body
        if is_media:
            return self._change_media(machine, rest, body)
        if flask.request.method == "POST":
            return None if isinstance(body.get("ResetType"), str) else refusal(400, "ResetType is missing")
        if not isinstance(body.get("Boot"), dict) or len(body) > 1:
            return refusal(400, "PATCH only works for Boot")
        try:
            with machine.lock:
                machine.override(*merged(machine.setting, body["Boot"]))
        except ValueError as error:
            return refusal(400, str(error))
        return flask.Response(status=204)

    @staticmethod
    def _change_media(machine: Chassis, rest: list[str], body: dict[str, Any]) -> Answer:
        try:
            virtual_media.act(machine, rest, body)
        except ValueError as error:
            return refusal(400, str(error))
        return flask.Response(status=204)

    def _change_password(self, machine: Chassis) -> Answer:
        body = _body()
        if body is None or set(body) != {"Password"} or not isinstance(body["Password"], str):
            return refusal(400, "PATCH only works for Password")
        flask.g.written = {"Password": "***"}
        try:
            self.controllers[machine.spec.uuid].change_password(body["Password"])
        except ValueError as error:
            return refusal(400, str(error))
        return flask.Response(status=204)

    def after(self, response: flask.Response) -> flask.Response:
        """Add to the emulator's answer what it does not model, and log writes."""
        request = flask.request
        machine, rest = self._asked(request.path)
        if request.path.rstrip("/") == _SERVICE.rstrip("/") and response.status_code == 200 and request.method == "GET":
            features = {"ProtocolFeaturesSupported": {"ExpandQuery": hardware.EXPANDS}}
            response.set_data(json.dumps(json.loads(response.get_data()) | features))
        if machine is None:
            return response
        if request.method not in _READING:
            self._log(machine, response.status_code)
        elif response.status_code == 200 and request.method == "GET":
            self._complete(machine, rest, response)
        return response

    def _complete(self, machine: Chassis, rest: list[str], response: flask.Response) -> None:
        """Put into an answer of the emulator what it does not model."""
        controller = self.controllers[machine.spec.uuid]
        match rest:
            case ["Systems"]:
                more = _completed(machine, json.loads(response.get_data()))
                more["Boot"]["BootOrder"] = controller.boot_order()
                more["VirtualMedia"] = {"@odata.id": virtual_media.shelf_of(machine)}
                more["LogServices"] = {"@odata.id": host_logger.shelf_of(machine)}
                more |= hardware.links_of(machine)
            case ["Managers"]:
                path = f"{flask.request.path.rstrip('/')}/NetworkProtocol"
                links = {"NetworkProtocol": path, "VirtualMedia": virtual_media.shelf_of(machine)}
                own = {name: {"@odata.id": target} for name, target in links.items()}
                more = json.loads(response.get_data()) | own
            case [_, "VirtualMedia", _]:
                more = json.loads(response.get_data()) | controller.media()
            case _:
                return
        response.set_data(json.dumps(more))

    def _log(self, machine: Chassis, status: int) -> None:
        request = flask.request
        line = {
            "at": time.time(),
            "system": machine.spec.uuid,
            "method": request.method,
            "path": request.path,
            "body": flask.g.get("written"),
            "epoch": request.headers.get("X-Metalyard-Epoch"),
            "status": status,
        }
        self.record.write(self.log, line)


def _body() -> dict[str, Any] | None:
    """Return the JSON object that was sent, None when there is none."""
    try:
        body = flask.request.get_json(silent=True)
    except RecursionError:
        return None
    return body if isinstance(body, dict) else None


def refusal(status: int, message: str) -> flask.Response:
    """Return an error in the form of DSP0266, section "Error responses"."""
    detail = {"@odata.type": "#Message.v1_1_1.Message", "MessageId": "Base.1.0.GeneralError", "Message": message}
    error = {"code": "Base.1.0.GeneralError", "message": message, "@Message.ExtendedInfo": [detail]}
    answer = flask.jsonify({"error": error})
    answer.status_code = status
    return answer


def _completed(machine: Chassis, found: dict[str, Any]) -> dict[str, Any]:
    setting = machine.setting
    boot = found.setdefault("Boot", {})
    boot["BootSourceOverrideTarget"] = setting.target
    boot["BootSourceOverrideEnabled"] = setting.enabled
    boot["HttpBootUri"] = setting.uri
    boot["BootSourceOverrideTarget@Redfish.AllowableValues"] = list(TARGETS)
    reset = {"LastResetTime": _written(setting.reset_at)} if setting.reset_at else {}
    return {
        **found,
        **reset,
        "SerialNumber": machine.spec.serial,
        "Model": machine.spec.model,
        "Manufacturer": MAKERS[machine.KIND],
    }


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
