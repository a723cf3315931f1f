"""The emulated switches: which network each server's port is in, and what a machine reaches from there."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from provisioning.simulator.fleet import Fleet, Spec
from provisioning.simulator.frames import Frames
from provisioning.simulator.journal import Journal, Record

LOG_BYTES = 16 * 1024 * 1024


class Switches:
    """All switches of a fleet. A port is in one network or in none, and is where it was after a restart."""

    def __init__(self, fleet: Fleet, folder: Path, record: Record, log: Journal) -> None:
        """Take the ports up as they were left in ``folder``; a port that is new is in no network."""
        self.logins = {switch.name: (switch.user, switch.password) for switch in fleet.switches}
        self.servers = {(spec.switch, spec.port): spec.name for spec in fleet.specs if spec.switch}
        self.agent_vlans = fleet.agent_vlans
        self.record, self.log = record, log
        self.lock = threading.Lock()
        self._file = folder / "switches.json"
        self._vlans = self._remembered()
        self.frames = Frames(self._vlans, self.lock)

    def _remembered(self) -> dict[tuple[str, str], int | None]:
        try:
            kept = json.loads(self._file.read_text())
            return {key: kept.get(key[0], {}).get(key[1]) for key in self.servers}
        except (OSError, ValueError, AttributeError):
            return dict.fromkeys(self.servers)

    def _remember(self) -> None:
        kept: dict[str, dict[str, int | None]] = {}
        for (switch, port), vlan in self._vlans.items():
            kept.setdefault(switch, {})[port] = vlan
        partial = self._file.with_suffix(".part")
        partial.write_text(json.dumps(kept))
        partial.replace(self._file)

    def vlan_of(self, switch: str, port: str) -> int | None:
        """Return the VLAN that a port is in, None for a port in no network. Raises KeyError where there is no port."""
        return self._vlans[switch, port]

    def move(self, switch: str, port: str, vlan: int | None, epoch: str | None) -> None:
        """Put a port into a network, or into none, and note it with the epoch of whoever asked.

        Raises KeyError where there is no port.
        """
        with self.lock:
            before = self._vlans[switch, port]
            self._vlans[switch, port] = vlan
            self._remember()
            line: dict[str, Any] = {
                "at": time.time(),
                "switch": switch,
                "port": port,
                "server": self.servers[switch, port],
                "from": before,
                "to": vlan,
                "epoch": epoch,
            }
            self.record.write(self.log, line)

    def boots(self, spec: Spec) -> bool:
        """Tell whether a network boot of a machine reaches the portal now: from provisioning and cleaning only."""
        return not spec.switch or self._vlans[spec.switch, spec.port] in self.agent_vlans

    def connects(self, one: Spec, other: Spec) -> bool:
        """Tell whether two machines reach one another now: both with a tenant, at one switch in the same network."""
        if not (one.switch and other.switch):
            return True
        vlans = [self._vlans[spec.switch, spec.port] for spec in (one, other)]
        if None in vlans or self.agent_vlans.intersection(vlan for vlan in vlans if vlan is not None):
            return False
        return one.switch != other.switch or vlans[0] == vlans[1]

    def is_connected(self, spec: Spec) -> bool:
        """Tell whether a machine is in any network now; from a tenant's it reaches what the internet reaches."""
        return not spec.switch or self._vlans[spec.switch, spec.port] is not None
