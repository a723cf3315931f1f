"""A port of an emulated switch: `/switch/v1/SWITCH/ports/PORT`, the network's VLAN in JSON, over verified TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.ports import Network
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal
from ansible_collections.metalyard.metal.plugins.plugin_utils.transport import Transport

CODES = {
    "bmc_timeout": "switch_unreachable",
    "bmc_unreachable": "switch_unreachable",
    "bmc_wrong_identity": "switch_unreachable",
    "bmc_auth_failed": "switch_refused",
    "bmc_refused": "switch_refused",
}
"""The transport is the one to BMCs; what it reports means this of a switch."""
_Found = TypeVar("_Found")


class EmulatedPort:
    """One port, spoken to through `transport`."""

    def __init__(self, transport: Transport, *, switch: str, port: str, fence: Fence) -> None:
        self._transport = transport
        self._path = f"/switch/v1/{quote(switch, safe='')}/ports/{quote(port, safe='')}"
        self._fence = fence

    def read(self) -> int | None:
        """The VLAN that the port is in. Raises `Refusal`."""
        found = _of_a_switch(lambda: self._transport.get(self._path)).get("vlan_id", "")
        if found is None or (isinstance(found, int) and not isinstance(found, bool)):
            return found
        raise Refusal("switch_refused", "The switch does not say which network the port is in.")

    def leave(self) -> None:
        """Put the port into no network. Raises `Refusal`."""
        self._put(None)

    def join(self, network: Network) -> None:
        """Put the port into a network. Raises `Refusal`."""
        self._put(network.vlan_id)

    def _put(self, vlan: int | None) -> None:
        left = self._fence.seconds_left()
        headers = {"X-Metalyard-Epoch": str(self._fence.epoch)}
        _of_a_switch(
            lambda: self._transport.write("PUT", self._path, {"vlan_id": vlan}, headers, within_s=left),
        )


def _of_a_switch(exchange: Callable[[], _Found]) -> _Found:
    try:
        return exchange()
    except Refusal as refusal:
        code = CODES.get(refusal.code, refusal.code)
        raise Refusal(code, refusal.message.replace("The BMC", "The switch")) from refusal
