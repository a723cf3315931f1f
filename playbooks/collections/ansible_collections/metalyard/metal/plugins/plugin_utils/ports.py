"""Moving a server's port between networks: out of the one it is in, and only then into another.

How a switch is spoken to is its driver's matter. Nothing is believed because it was accepted: each move is read back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

FIRST_VLAN, LAST_VLAN = 2, 4094
"""1 is what unconfigured ports are in; 0 and 4095 are reserved (IEEE 802.1Q, table 9-2)."""
OTHER = 0
"""What is read of a port that is connected, but to no network of ours. It is left before another is joined."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,14}")
PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9./:_-]{0,39}")
"""Names of ports on the switches that we drive; also safe as one word of a command line."""


@dataclass(frozen=True)
class Network:
    """A network as switches know it: `name` is ours and holds no text of a tenant's."""

    vlan_id: int
    name: str


class Port(Protocol):
    """One port of one switch. Every method raises `Refusal`; what changes something asks the fence right before."""

    def read(self) -> int | None:
        """The VLAN of the network that the port is in; None when it is in none, OTHER when it is in none of ours."""

    def leave(self) -> None:
        """Take the port out of every network."""

    def join(self, network: Network) -> None:
        """Put the port, which is in no network, into one."""


def network_of(value: object) -> Network | None:
    """What `port_network` says: a network, or None for none. Raises `Refusal` (`bad_variables`)."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Refusal("bad_variables", "port_network must be null or a network.")
    vlan, name = value.get("vlan_id"), value.get("name")
    if isinstance(vlan, bool) or not isinstance(vlan, int) or not FIRST_VLAN <= vlan <= LAST_VLAN:
        raise Refusal("bad_variables", f"port_network.vlan_id must be a number from {FIRST_VLAN} to {LAST_VLAN}.")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refusal("bad_variables", "port_network.name must be 1 to 15 small letters, digits and hyphens.")
    return Network(int(vlan), str(name))


def move(port: Port, wanted: Network | None, report: dict[str, Any]) -> bool:
    """Move the port to where it is wanted; whether anything had to be done. `report` has what was read last.

    Raises `Refusal`: `switch_refused` when the switch did not keep what it accepted, and whatever its driver raises.
    """
    target = wanted.vlan_id if wanted else None
    at = _read(port, report)
    if at == target:
        return False
    if at is not None:
        port.leave()
        _require(_read(port, report), None)
    if wanted is not None:
        port.join(wanted)
        _require(_read(port, report), target)
    return True


def _read(port: Port, report: dict[str, Any]) -> int | None:
    # What was read before is not true any more when this cannot be read.
    report.pop("port_network", None)
    vlan = port.read()
    report["port_network"] = {"vlan_id": vlan}
    return vlan


def _require(found: int | None, wanted: int | None) -> None:
    if found != wanted:
        raise Refusal(
            "switch_refused", f"The switch accepted the move to {_said(wanted)}, but the port is in {_said(found)}."
        )


def _said(vlan: int | None) -> str:
    return {None: "no network", OTHER: "a network that is not ours"}.get(vlan, f"VLAN {vlan}")
