"""A port of a Linux machine that switches by bridges: one bridge for each network, a port is an interface.

A bridge of ours is called `my-NAME` and has its VLAN in its alias, `vlan N`. It has no address, not even a link-local
one: what is in a network does not reach the switch itself. A port in no network is down.
Every command is a list of words for `ip`, and runs as whoever Ansible runs as, which must be root.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence
from ansible_collections.metalyard.metal.plugins.plugin_utils.ports import OTHER, Network
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal, printable

PREFIX = "my-"
MOST_CHARS = 15
"""Longest name of an interface: IFNAMSIZ of linux/if.h, less the NUL."""
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ALIAS = re.compile(r"vlan ([0-9]{1,4})")
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class BridgePort:
    """The interface `port` in the network namespace `namespace`, or in our own when that is empty."""

    def __init__(self, *, namespace: str, port: str, fence: Fence, timeout_s: float) -> None:
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise Refusal("bad_variables", "switch_address must be the name of a network namespace, or empty.")
        if not _INTERFACE.fullmatch(port):
            raise Refusal("bad_variables", f"switch_port must be an interface's name of up to {MOST_CHARS} characters.")
        self._ip = ["ip", *(["-n", namespace] if namespace else [])]
        self._port = port
        self._fence = fence
        self._timeout_s = timeout_s

    def read(self) -> int | None:
        """The VLAN of the bridge that the port is in; None when it is in none and down. Raises `Refusal`."""
        link = self._link(self._port)
        if "master" not in link:
            return OTHER if "UP" in link.get("flags", []) else None
        return _vlan_of(self._link(str(link["master"])))

    def leave(self) -> None:
        """Silence the port, then take it out of its bridge. Raises `Refusal`."""
        self._change("link", "set", "dev", self._port, "down")
        self._change("link", "set", "dev", self._port, "nomaster")

    def join(self, network: Network) -> None:
        """Put the port into the network's bridge, which is made when it is not there. Raises `Refusal`."""
        bridge = f"{PREFIX}{network.name}"
        if len(bridge) > MOST_CHARS:
            most = MOST_CHARS - len(PREFIX)
            raise Refusal("bad_variables", f"port_network.name has more than the {most} characters that bridges allow.")
        self._prepare(bridge, network)
        self._change("link", "set", "dev", self._port, "addrgenmode", "none")
        self._change("link", "set", "dev", self._port, "master", bridge)
        self._change("link", "set", "dev", self._port, "up")

    def _prepare(self, bridge: str, network: Network) -> None:
        """Have the network's bridge. Safe to repeat, also after a run that ended in the middle."""
        links, alias = self._links(), f"vlan {network.vlan_id}"
        found = next((link for link in links if link.get("ifname") == bridge), None)
        twin = next((str(link.get("ifname")) for link in links if link.get("ifalias") == alias), bridge)
        if twin != bridge:
            raise Refusal("switch_refused", f"The bridge of {alias} is {twin}, not {bridge}.")
        if found is None:
            self._make(bridge)
        elif found.get("linkinfo", {}).get("info_kind") != "bridge":
            raise Refusal("switch_refused", f"{bridge} is there and no bridge.")
        if (found or {}).get("ifalias", alias) != alias:
            raise Refusal("switch_refused", f"The bridge {bridge} belongs to another network than {alias}.")
        self._change("link", "set", "dev", bridge, "addrgenmode", "none")
        self._change("link", "set", "dev", bridge, "alias", alias)
        self._change("link", "set", "dev", bridge, "up")

    def _make(self, bridge: str) -> None:
        """Make a bridge, or find that another port's move has made it meanwhile."""
        try:
            self._change("link", "add", "name", bridge, "type", "bridge")
        except Refusal:
            if not any(link.get("ifname") == bridge for link in self._links()):
                raise

    def _link(self, name: str) -> dict[str, Any]:
        found = next((link for link in self._links() if link.get("ifname") == name), None)
        if found is None:
            raise Refusal("switch_refused", f"The switch has no interface {name}.")
        return found

    def _links(self) -> list[dict[str, Any]]:
        said = self._run(["-j", "-d", "link", "show"], self._timeout_s)
        try:
            found = json.loads(said)
        except ValueError as error:
            raise Refusal("switch_refused", "ip does not answer in JSON.") from error
        return [link for link in found if isinstance(link, dict)] if isinstance(found, list) else []

    def _change(self, *words: str) -> None:
        """The only way anything is changed: fenced at the last moment."""
        self._run(words, min(self._fence.seconds_left(), self._timeout_s))

    def _run(self, words: list[str] | tuple[str, ...], limit_s: float) -> str:
        argv = [*self._ip, *words]
        try:
            answer = subprocess.run(
                argv, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Refusal("switch_unreachable", f"ip did not end within {limit_s:.0f} s.") from error
        except OSError as error:
            raise Refusal("switch_unreachable", f"ip cannot be run: {error.strerror}") from error
        if answer.returncode:
            said = printable(answer.stderr.decode("utf-8", "replace"))
            code = "switch_unreachable" if "network namespace" in said else "switch_refused"
            raise Refusal(code, f"ip {' '.join(words)}: {said}")
        return answer.stdout.decode("utf-8", "replace")


def _vlan_of(bridge: dict[str, Any]) -> int:
    match = _ALIAS.fullmatch(str(bridge.get("ifalias", "")))
    return int(match[1]) if match and str(bridge.get("ifname", "")).startswith(PREFIX) else OTHER
