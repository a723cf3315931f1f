"""What stands in front of the emulator: one login per BMC, faults, HTTP boot, and the log of writes.

All else that could change something is refused: sushy-tools would fetch media, replace certificates and flash firmware
for whoever is logged in anywhere.
"""

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import flask

from provisioning.simulator.boot import TARGETS, merged
from provisioning.simulator.driver import Driver
from provisioning.simulator.faults import Fault
from provisioning.simulator.journal import Journal
from provisioning.simulator.machine import Machine

HANG_S = 120
LOG_BYTES = 16 * 1024 * 1024
_SERVICE = "/redfish/v1/"
_RESET = ["Actions", "ComputerSystem.Reset"]
_READING = ("GET", "HEAD")
Answer = flask.Response | None


class Front:
    """Sees every request before the emulator does, and every answer after it."""

    def __init__(self, driver: Driver, log_file: Path) -> None:
        """Guard ``driver`` and log to ``log_file``."""
        self.driver = driver
        self.log = Journal(log_file, LOG_BYTES)

    def _asked(self, path: str) -> tuple[Machine | None, list[str]]:
        """Return whose system or manager a path is about, and the rest of the path."""
        kind, _, rest = path.removeprefix(_SERVICE).partition("/")
        if kind not in ("Systems", "Managers") or not path.startswith(_SERVICE):
            return None, []
        identity, *more = [part for part in rest.split("/") if part] or [""]
        return self.driver.look_up(identity), [kind, *more]

    def _opened_by(self, login: Any) -> list[Machine]:
        """Return the machines whose BMC takes this login."""
        if login is None or login.password is None or login.username is None:
            return []
        given = hashlib.sha256(login.password.encode()).hexdigest()
        return [
            machine
            for machine in self.driver.machines.values()
            if hmac.compare_digest(given, machine.spec.bmc_password_sha256)
            and hmac.compare_digest(login.username.encode(), machine.spec.bmc_user.encode())
        ]

    def before(self) -> Answer:
        """Refuse, delay or answer a request before the emulator sees it."""
        request = flask.request
        if request.path.strip("/") in ("redfish", "redfish/v1"):
            return None  # open to everybody: DSP0266, service root
        machine, rest = self._asked(request.path)
        opened = self._opened_by(request.authorization)
        if not opened or (machine is not None and machine not in opened):
            answer = refusal(401, "log in with this BMC's credentials")
            answer.headers["WWW-Authenticate"] = 'Basic realm="BMC"'
            return answer
        flask.g.opened = opened
        if machine is None:
            return None if request.method in _READING else refusal(405, "this emulated BMC cannot do that")
        hung = self._hang(machine)
        if request.method in _READING:
            return None
        if hung:
            return refusal(503, "the BMC did not answer in time")
        if machine.wrong(Fault.BMC_REFUSES):
            return refusal(503, "the BMC is busy")
        return self._write(machine, rest)

    @staticmethod
    def _hang(machine: Machine) -> bool:
        """Give no answer while the BMC hangs; tell whether it did. What it was asked meanwhile it does not do later."""
        started = time.monotonic()
        hung = False
        while machine.wrong(Fault.BMC_HANGS) and time.monotonic() - started < HANG_S:
            hung = True
            time.sleep(0.2)
        return hung

    def _write(self, machine: Machine, rest: list[str]) -> Answer:
        kind, *more = rest
        asked = (flask.request.method, kind, more)
        if asked not in (("PATCH", "Systems", []), ("POST", "Systems", _RESET)):
            return refusal(405, "this emulated BMC cannot do that")
        body = _body()
        if body is None:
            return refusal(400, "send a JSON object")
        flask.g.written = body
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

    def after(self, response: flask.Response) -> flask.Response:
        """Add to the emulator's answer what it does not model, and log writes."""
        request = flask.request
        machine, rest = self._asked(request.path)
        if machine is None:
            return response
        if request.method not in _READING:
            self._log(machine, response.status_code)
        elif rest == ["Systems"] and response.status_code == 200:
            response.set_data(json.dumps(_completed(machine, json.loads(response.get_data()))))
        return response

    def _log(self, machine: Machine, status: int) -> None:
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
        self.log.write(json.dumps(line))


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


def _completed(machine: Machine, found: dict[str, Any]) -> dict[str, Any]:
    setting = machine.setting
    boot = found.setdefault("Boot", {})
    boot["BootSourceOverrideTarget"] = setting.target
    boot["BootSourceOverrideEnabled"] = setting.enabled
    boot["HttpBootUri"] = setting.uri
    boot["BootSourceOverrideTarget@Redfish.AllowableValues"] = list(TARGETS)
    return {**found, "SerialNumber": machine.spec.serial, "Model": machine.spec.model, "Manufacturer": "Emulated"}
