"""One server seen through its BMC: who it is, where it boots from, whether it is on.

Uses standard Redfish ComputerSystem properties only (DSP0268). Nothing is believed because it was accepted: the boot
override is read back, and a power change counts only when the BMC reports the new state.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport

_PATH = re.compile(r"/redfish/v1/Systems/[A-Za-z0-9._-]{1,128}")
_FIRST_POLL_S = 0.1
_LONGEST_POLL_S = 1.0
# What was read is good for the next step too, when nothing was written since: a third of the requests are saved.
_FRESH_S = 1.0


@dataclass(frozen=True)
class Target:
    """The server we mean, as our records have it."""

    path: str
    serial: str
    boot_uri: str
    power_timeout_s: float
    grace_s: float = 0.0


class System:
    """The steps that can be asked of a server. Every method raises `Refusal` when its step is not proven done."""

    def __init__(self, transport: Transport, target: Target, fence: Fence) -> None:
        if not _PATH.fullmatch(target.path):
            raise Refusal("bad_variables", "bmc_system_path must look like /redfish/v1/Systems/ID.")
        self._transport = transport
        self._target = target
        self._fence = fence
        self._identified = False
        self._seen: dict[str, Any] = {}
        self._seen_at = float("-inf")
        self.report: dict[str, Any] = {}
        self.steps: Mapping[str, Callable[[], None]] = {
            "identify": self.identify,
            "power_off": self.power_off,
            "let_off": self.let_off,
            "shut_down": self.shut_down,
            "power_on": self.power_on,
            "boot_http": self.boot_http,
            "boot_cd": self.boot_cd,
            "boot_disk": self.boot_disk,
            "boot_none": self.boot_none,
        }

    @property
    def path(self) -> str:
        """The server's own resource."""
        return self._target.path

    def get(self, path: str) -> dict[str, Any]:
        """Another resource of the same BMC. Raises `Refusal`."""
        return self._transport.get(path)

    def identify(self) -> None:
        """Prove that the BMC answers for the server in our records: serial number, and UUID where the path has one."""
        system = self._read()
        serial = text_of(system, "SerialNumber")
        if not serial or serial != self._target.serial:
            said = f"serial number {serial}" if serial else "no serial number"
            raise Refusal("bmc_wrong_identity", f"The BMC reports {said}, our record says {self._target.serial}.")
        expected, reported = _uuid(self._target.path.rsplit("/", 1)[1]), _uuid(text_of(system, "UUID"))
        if expected and reported and expected != reported:
            raise Refusal("bmc_wrong_identity", f"The BMC reports UUID {reported}, asked was {expected}.")
        self.report |= {"serial": serial, "model": text_of(system, "Model")}
        self._identified = True

    def power_off(self) -> None:
        """Force the server off and wait until the BMC reports it off."""
        if self._power_state() != "Off":
            self._reset("ForceOff")
        self._await_power("Off", self._target.power_timeout_s, "power_off_timeout")

    def let_off(self) -> None:
        """Let the server, whose work is done, switch itself off; force it off when it has not after `grace_s`.

        Still on is also what a take-over finds when the worker before it had already started the server.
        """
        try:
            self._await_power("Off", self._target.grace_s, "power_off_timeout")
        except Refusal as refusal:
            if refusal.code != "power_off_timeout":
                raise
            self.power_off()

    def shut_down(self) -> None:
        """Ask the operating system to switch the server off; one that cannot be asked, or does not obey, is forced."""
        if self._power_state() == "Off":
            return
        try:
            self._reset("GracefulShutdown")
        except Refusal as refusal:
            if refusal.code != "bmc_refused":
                raise
            self.power_off()
        else:
            self.let_off()

    def power_on(self) -> None:
        """Switch the server on and wait until the BMC reports it on."""
        if self._power_state() != "On":
            self._reset("On")
        self._await_power("On", self._target.power_timeout_s, "power_state_mismatch")

    def boot_http(self) -> None:
        """Boot from our one-time address at the next start, once."""
        if not self._target.boot_uri:
            raise Refusal("bad_variables", "boot_uri is needed for a network boot.")
        self._override("UefiHttp", "Once", {"HttpBootUri": self._target.boot_uri})

    def boot_cd(self) -> None:
        """Boot from what is in the virtual drive at the next start, once."""
        self._override("Cd", "Once", {})

    def boot_disk(self) -> None:
        """Boot from the server's own disk at the next start."""
        self._override("Hdd", "Once", {})

    def boot_none(self) -> None:
        """Take any boot override away: the twin of the others."""
        self._override("None", "Disabled", {})

    def _override(self, target: str, enabled: str, more: dict[str, str]) -> None:
        wanted = {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled, **more}
        self.write("PATCH", self._target.path, {"Boot": wanted})
        boot = self._read().get("Boot")
        kept = boot if isinstance(boot, dict) else {}
        source, mode = kept.get("BootSourceOverrideTarget"), kept.get("BootSourceOverrideEnabled")
        in_force = source == target and mode != "Disabled"
        gone = source == "None" or mode == "Disabled"
        if not (gone if target == "None" else in_force):
            raise Refusal("bmc_refused", f"The BMC accepted boot override {target} but did not keep it.")
        for name, value in more.items():
            if kept.get(name, value) != value:
                raise Refusal("bmc_refused", f"The BMC did not keep the {name} it was given.")

    def _reset(self, kind: str) -> None:
        self.write("POST", self._target.path + "/Actions/ComputerSystem.Reset", {"ResetType": kind})

    def write(self, method: str, path: str, body: dict[str, Any]) -> None:
        """The only way anything is changed on a BMC: identified first, and fenced at the last moment."""
        if not self._identified:
            raise Refusal("bmc_wrong_identity", "The server was not identified before a change to it.")
        left = self._fence.seconds_left()
        self._seen_at = float("-inf")
        self._transport.write(method, path, body, {"X-Metalyard-Epoch": str(self._fence.epoch)}, within_s=left)

    def _read(self) -> dict[str, Any]:
        self._seen = self._transport.get(self._target.path)
        self._seen_at = time.monotonic()
        self.report["power_state"] = text_of(self._seen, "PowerState")
        return self._seen

    def _power_state(self) -> str:
        seen = self._seen if time.monotonic() - self._seen_at < _FRESH_S else self._read()
        return text_of(seen, "PowerState")

    def _await_power(self, wanted: str, limit: float, code: str) -> None:
        deadline, pause = time.monotonic() + limit, _FIRST_POLL_S
        while (state := self._power_state()) != wanted:
            if time.monotonic() + pause > deadline:
                reported = printable(state, 40) or "nothing"
                raise Refusal(code, f"Power should be {wanted}; after {limit:g} s the BMC reports {reported}.")
            time.sleep(pause)
            self._read()
            pause = min(pause * 1.5, _LONGEST_POLL_S)


def text_of(resource: Mapping[str, Any], name: str) -> str:
    """A property as short printable text; empty when absent or of another type."""
    value = resource.get(name)
    return printable(value, 100) if isinstance(value, str) else ""


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
