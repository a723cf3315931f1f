"""A port of an Arista switch, by the modules of the collection arista.eos over eAPI.

A network is a VLAN of the switch, a port in it an access port. A port in none is shut down, and parked in a VLAN that
nothing else uses. Each change is one configuration session, which EOS takes as a whole or not at all, and is saved, so
that a switch that restarts does not bring back where a port was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.ports import OTHER, Network
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

_INTERFACE = re.compile(r"(?:Ethernet|Port-Channel)[0-9]{1,4}(?:/[0-9]{1,3}){0,2}")
RunModule = Callable[[str, dict[str, Any]], Mapping[str, Any]]
"""Runs a module of the collection with arguments and gives its result."""


class EosPort:
    """The interface `port` of the switch that `run` reaches; `parking` is the VLAN of ports that are in no network."""

    def __init__(self, run: RunModule, *, port: str, parking: int, fence: Fence) -> None:
        if not _INTERFACE.fullmatch(port):
            raise Refusal("bad_variables", "switch_port must be an interface's name, such as Ethernet1/2.")
        self._run, self._port, self._parking, self._fence = run, port, parking, fence
        self._rehearsed: list[str] | None = None

    def read(self) -> int | None:
        """The VLAN that the port forwards in; None when it is shut down. Raises `Refusal`."""
        command = {"command": f"show interfaces {self._port} status", "output": "json"}
        said = self._do("eos_command", {"commands": [command]}).get("stdout")
        try:
            first = said[0] if isinstance(said, list) else said
            status = (json.loads(first) if isinstance(first, str) else first)["interfaceStatuses"][self._port]
            link, vlan = status["linkStatus"], status["vlanInformation"]
            if link == "disabled":
                return None
            number = vlan["vlanId"] if vlan["interfaceMode"] == "bridged" else OTHER
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Refusal("switch_refused", f"The switch does not say how {self._port} is.") from error
        return number if isinstance(number, int) and number != self._parking else OTHER

    def leave(self) -> None:
        """Shut the port down and park it. Raises `Refusal`."""
        self._configure([f"vlan {self._parking}"], ["name parking"])
        self._interface("shutdown", "switchport mode access", f"switchport access vlan {self._parking}")

    def join(self, network: Network) -> None:
        """Have the network's VLAN, put the port into it, and start it. Raises `Refusal`."""
        if network.vlan_id == self._parking:
            raise Refusal("bad_variables", f"VLAN {self._parking} is where ports are parked.")
        self._configure([f"vlan {network.vlan_id}"], [f"name {network.name}"])
        self._interface("switchport mode access", f"switchport access vlan {network.vlan_id}", "no shutdown")

    def rehearse(self, at: int | None, wanted: Network | None) -> list[str]:
        """What a move from `at` would configure; the modules run in check mode and change nothing. Raises `Refusal`."""
        self._rehearsed = []
        if at is not None:
            self.leave()
        if wanted is not None:
            self.join(wanted)
        return self._rehearsed

    def _interface(self, *lines: str) -> None:
        self._configure([f"interface {self._port}"], list(lines))

    def _configure(self, parents: list[str], lines: list[str]) -> None:
        """The only way anything is changed: fenced right before."""
        if self._rehearsed is None:
            self._fence.seconds_left()
        done = self._do("eos_config", {"parents": parents, "lines": lines, "match": "none", "save_when": "changed"})
        if self._rehearsed is not None:
            self._rehearsed += [str(command) for command in done.get("commands", [])]

    def _do(self, module: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        result = self._run(f"arista.eos.{module}", arguments)
        if not result.get("failed"):
            return result
        said = printable(_said(result))
        # What the connection says when there is none; all else is the switch's answer.
        is_lost = any(words in said for words in ("Could not connect", "timed out", "timeout", "CERTIFICATE_VERIFY"))
        raise Refusal("switch_unreachable" if is_lost else "switch_refused", said or f"{module} failed.")


def _said(result: Mapping[str, Any]) -> str:
    """Why a module failed. ansible-core 2.19 keeps that of an action's own modules beside `msg`."""
    event = getattr(result.get("exception"), "event", None)
    return str(result.get("msg") or getattr(event, "msg", ""))
