# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin `metalyard.metal.switch_port`: put a server's port into a network, or into none.

It runs inside the Ansible worker. Which switch, which port, which network and the login come from the host's variables,
never from task arguments: arguments are shown in Ansible's output. The port leaves the network that it is in before it
joins another, and each move is read back. The fence is asked right before each change.

Arguments: `driver` (see `_DRIVERS`), `timeout_s` (seconds one exchange with the switch may take), for `arista_eos`
`parking_vlan`.
Returns: `report` with `port_network`, as read back last, for `arista_eos` in check mode `commands`; on failure
`error_code` and `msg`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.metalyard.metal.plugins.plugin_utils.arista_eos import EosPort
from ansible_collections.metalyard.metal.plugins.plugin_utils.emulated_switch import EmulatedPort
from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.linux_bridge import BridgePort
from ansible_collections.metalyard.metal.plugins.plugin_utils.ports import (
    FIRST_VLAN,
    LAST_VLAN,
    PORT,
    Port,
    move,
    network_of,
)
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport


class ActionModule(ActionBase):
    """See the module's docstring."""

    TRANSFERS_FILES = False
    # Arista's modules speak through the task's connection, which Ansible begins for plugins that need one only.
    _requires_connection = True
    _VALID_ARGS = frozenset({"driver", "timeout_s", "parking_vlan"})

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Move the port; a failure ends this host, and only this host. In check mode the port is only read."""
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        report: dict[str, Any] = {}
        try:
            changed = self._move(report)
        except Refusal as refusal:
            return {"failed": True, "error_code": refusal.code, "msg": refusal.message, "report": report}
        return {"changed": changed, "report": report}

    def _move(self, report: dict[str, Any]) -> bool:
        wanted = network_of(self._value("port_network"))
        make = _DRIVERS.get(str(self._task.args.get("driver")))
        if make is None:
            raise Refusal("bad_variables", f"driver must be {' or '.join(_DRIVERS)}.")
        with make(self) as port:
            if not self._task.check_mode:
                return move(port, wanted, report)
            at = port.read()
            report["port_network"] = {"vlan_id": at}
            if isinstance(port, EosPort) and at != (wanted.vlan_id if wanted else None):
                report["commands"] = port.rehearse(at, wanted)
            return at != (wanted.vlan_id if wanted else None)

    @contextmanager
    def emulated(self) -> Iterator[Port]:
        """A port of an emulated switch."""
        transport = Transport(
            self._text("switch_address"),
            username=self._text("switch_user"),
            password=self._text("switch_password"),
            ca_file=self._text("switch_ca_path"),
            timeout_s=self._timeout_s(),
        )
        try:
            yield EmulatedPort(transport, switch=self._text("switch_name"), port=self._port(), fence=self._fence())
        finally:
            transport.close()

    @contextmanager
    def linux_bridge(self) -> Iterator[Port]:
        """An interface of this machine, in the network namespace that `switch_address` names."""
        namespace = self._value("switch_address")
        if not isinstance(namespace, str):
            raise Refusal("bad_variables", "switch_address must be a text.")
        yield BridgePort(namespace=namespace, port=self._port(), fence=self._fence(), timeout_s=self._timeout_s())

    @contextmanager
    def arista_eos(self) -> Iterator[Port]:
        """An interface of an Arista switch, over the connection that the task has."""

        def run(name: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
            result: Mapping[str, Any] = self._execute_module(
                module_name=name, module_args=arguments, task_vars=dict(self._vars)
            )
            return result

        parking = self._task.args.get("parking_vlan")
        if isinstance(parking, bool) or not str(parking).isdigit() or not FIRST_VLAN <= int(str(parking)) <= LAST_VLAN:
            raise Refusal("bad_variables", f"parking_vlan must be a number from {FIRST_VLAN} to {LAST_VLAN}.")
        yield EosPort(run, port=self._port(), parking=int(str(parking)), fence=self._fence())

    def _port(self) -> str:
        name = self._text("switch_port")
        if not PORT.fullmatch(name):
            raise Refusal("bad_variables", "switch_port must be letters, digits and ./:_-")
        return name

    def _fence(self) -> Fence:
        epoch = self._value("fence_epoch")
        if isinstance(epoch, bool) or not isinstance(epoch, int):
            raise Refusal("bad_variables", "fence_epoch must be a whole number.")
        return Fence(Path(self._text("fence_file")), epoch=epoch)

    def _timeout_s(self) -> float:
        try:
            seconds = float(str(self._task.args.get("timeout_s")))
        except ValueError:
            seconds = 0
        if not 0 < seconds < float("inf"):
            raise Refusal("bad_variables", "timeout_s must be a number above 0.")
        return seconds

    def _text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or not value:
            raise Refusal("bad_variables", f"{name} must be a text.")
        return str(value)

    def _value(self, name: str) -> object:
        if name not in self._vars:
            raise Refusal("bad_variables", f"{name} is missing.")
        return self._templar.template(self._vars[name])


_DRIVERS: dict[str, Callable[[ActionModule], Any]] = {
    "arista_eos": ActionModule.arista_eos,
    "emulated": ActionModule.emulated,
    "linux_bridge": ActionModule.linux_bridge,
}
