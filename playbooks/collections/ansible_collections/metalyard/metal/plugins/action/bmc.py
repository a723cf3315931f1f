# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin `metalyard.metal.bmc`: do steps on one server through its BMC.

It runs inside the Ansible worker, so a batch costs one fork per host and no module transfer. Address and credentials
come from the host's variables, never from task arguments: arguments are shown in Ansible's output, and results carry
only what `_result` puts there.

Arguments: `steps` (list; see `System.steps`, `Media.steps` and `Controller.steps`), `power_timeout_s` (seconds a power
change may take), `grace_s` (seconds a server may take to switch itself off).
The host's variable `bmc_next_password` is a password that may have been set already: it is tried when the BMC refuses
the other one with 401.
Returns: `report` with serial, model, power_state and the seconds each step took, for `read_controller` what the BMC is
like; on failure `error_code` and `msg`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.metalyard.metal.plugins.plugin_utils.controller import Controller, Logins
from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.media import Media
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.system import System, Target
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport

_READING = frozenset({"identify", "read_controller"})
_LOGIN_PROBE = "/redfish/v1/Systems"


class ActionModule(ActionBase):
    """See the module's docstring."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"steps", "power_timeout_s", "grace_s"})

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run the steps in order; the first that is not proven done ends this host, and only this host."""
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        took: list[dict[str, object]] = []
        system: System | None = None
        try:
            transport, is_next = self._login()
            try:
                system = self._system(transport)
                controller = Controller(system, self._logins(is_next=is_next))
                media = Media(system, image=self._optional("boot_uri"), ours=self._optional("boot_media_url"))
                self._do({**system.steps, **media.steps, **controller.steps}, took)
            finally:
                transport.close()
        except Refusal as refusal:
            return _result(system, took, refusal)
        return _result(system, took, None)

    def _do(self, known: Mapping[str, Callable[[], None]], took: list[dict[str, object]]) -> None:
        steps = self._task.args.get("steps") or []
        unknown = [step for step in steps if step not in known]
        if unknown or not steps:
            raise Refusal("bad_variables", f"steps must be some of {', '.join(known)}.")
        for step in steps:
            if self._task.check_mode and step not in _READING:
                continue
            started = time.monotonic()
            known[step]()
            took.append({"step": step, "seconds": round(time.monotonic() - started, 3)})

    def _login(self) -> tuple[Transport, bool]:
        """The connection, and whether it was the next password that opened it."""
        transport = self._transport("bmc_password")
        if "bmc_next_password" not in self._vars or transport.status(_LOGIN_PROBE) != 401:
            return transport, False
        transport.close()
        return self._transport("bmc_next_password"), True

    def _logins(self, *, is_next: bool) -> Logins:
        return Logins(
            username=self._text("bmc_username"),
            current=lambda: self._transport("bmc_password"),
            following=lambda: self._transport("bmc_next_password"),
            next_password=self._optional("bmc_next_password"),
            is_next=is_next,
        )

    def _transport(self, password: str) -> Transport:
        hidden = [self._text(name) for name in ("bmc_password", "bmc_next_password") if name in self._vars]
        return Transport(
            self._text("bmc_address"),
            username=self._text("bmc_username"),
            password=self._text(password),
            ca_file=self._text("bmc_ca_file"),
            timeout_s=self._number("bmc_timeout_s"),
            hidden=hidden,
        )

    def _system(self, transport: Transport) -> System:
        power_timeout_s = self._task.args.get("power_timeout_s", 10)
        target = Target(
            path=self._text("bmc_system_path"),
            serial=self._text("server_serial"),
            boot_uri=self._optional("boot_uri"),
            power_timeout_s=_positive("power_timeout_s", power_timeout_s),
            grace_s=_positive("grace_s", self._task.args.get("grace_s", 10)),
        )
        fence = Fence(Path(self._text("fence_file")), epoch=int(self._number("fence_epoch")))
        return System(transport, target, fence)

    def _optional(self, name: str) -> str:
        return self._text(name) if name in self._vars else ""

    def _text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or not value:
            raise Refusal("bad_variables", f"{name} must be a text.")
        return str(value)

    def _number(self, name: str) -> float:
        return _positive(name, self._value(name))

    def _value(self, name: str) -> object:
        if name not in self._vars:
            raise Refusal("bad_variables", f"{name} is missing.")
        return self._templar.template(self._vars[name])


def _positive(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise Refusal("bad_variables", f"{name} must be a number above 0.")
    return number


def _result(system: System | None, took: list[dict[str, object]], refusal: Refusal | None) -> dict[str, Any]:
    """What leaves the worker: chosen values only, so no variable of the host can slip out with them."""
    facts: dict[str, object] = dict(system.report) if system else {}
    report = {**facts, "steps": took}
    if refusal is None:
        return {"changed": any(step["step"] not in _READING for step in took), "report": report}
    return {"failed": True, "error_code": refusal.code, "msg": refusal.message, "report": report}
