"""A server behind its BMC: power, boot override, and what runs on it."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncssh

from provisioning.simulator.agent import Agent, Refused, Unreachable
from provisioning.simulator.disk import Disk, NotBootable
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.fleet import Spec, Timings
from provisioning.simulator.journal import Journal
from provisioning.simulator.power import Power, PowerLost
from provisioning.simulator.ramdisk import Body, Ramdisk
from provisioning.simulator.shell import Host
from provisioning.simulator.sshd import Loop, Sshd

log = logging.getLogger(__name__)

CONSOLE_BYTES = 256 * 1024
# ResetType values of Redfish's ComputerSystem, by what they do.
OFF = ("ForceOff", "GracefulShutdown")
AGAIN = ("ForceRestart", "GracefulRestart")
ON = ("On", "ForceOn")
NOTHING = ("Nmi",)


@dataclass
class Setting:
    """What the BMC remembers, over a restart of the emulator too."""

    power: str = "Off"
    target: str = "None"
    enabled: str = "Disabled"
    uri: str = ""


@dataclass(frozen=True)
class Place:
    """Where a machine keeps its files, and what it shares with the others."""

    folder: Path
    faults: Faults
    timings: Callable[[], Timings]
    loop: Loop
    gate: threading.Semaphore

    @contextlib.contextmanager
    def turn(self, power: Power) -> Iterator[None]:
        """Wait for one's turn on the network. Raises PowerLost when the power is cut meanwhile."""
        while not self.gate.acquire(timeout=0.2):
            power.check()
        try:
            yield
        finally:
            self.gate.release()


class Machine:
    """One server. Its BMC calls ``reset`` and ``override``; everything else it does by itself."""

    def __init__(self, spec: Spec, place: Place) -> None:
        """Take up the machine in the state in which it was left."""
        self.spec = spec
        self.place = place
        self.disk = Disk(place.folder / "disks" / f"{spec.name}.img", spec.disk_bytes)
        self.journal = Journal(place.folder / "console" / f"{spec.name}.log", CONSOLE_BYTES)
        self.console = self.journal.write
        self.lock = threading.RLock()
        self.life = Power()
        self.sshd: Sshd | None = None
        self.setting = self._remembered()

    @property
    def _state_file(self) -> Path:
        return self.place.folder / "state" / f"{self.spec.name}.json"

    def _remembered(self) -> Setting:
        try:
            return Setting(**json.loads(self._state_file.read_text()))
        except (OSError, ValueError, TypeError):
            return Setting()

    def _remember(self) -> None:
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._state_file.with_suffix(".part")
        partial.write_text(json.dumps(asdict(self.setting)))
        partial.replace(self._state_file)

    def wrong(self, fault: Fault) -> bool:
        """Tell whether the machine has a fault now."""
        return self.place.faults.has(self.spec.name, fault)

    def resume(self) -> None:
        """After a restart of the emulator: a machine that was on starts again, from its disk unless told for good."""
        with self.lock:
            if self.setting.power == "On":
                lasting = self.setting.enabled == "Continuous"
                self._start(*((self.setting.target, self.setting.uri) if lasting else ("Hdd", "")))

    def override(self, target: str, enabled: str, uri: str) -> None:
        """Set what the next boot is from."""
        with self.lock:
            self.setting.target, self.setting.enabled, self.setting.uri = target, enabled, uri
            self._remember()

    def reset(self, kind: str) -> None:
        """Do a power action of Redfish's ResetType. Raises ValueError for one that there is not."""
        if kind not in (*OFF, *AGAIN, *ON, *NOTHING):
            raise ValueError(f"unsupported ResetType {kind}")
        with self.lock:
            if self.wrong(Fault.POWER_STUCK) or kind in NOTHING:
                return
            if kind in (*OFF, *AGAIN):
                self.power_down()
            if kind not in OFF and self.setting.power == "Off":
                self._power_up()

    def power_down(self) -> None:
        """Lose power: whatever runs stops, sessions drop. Nothing is written to the disk after the return."""
        with self.lock:
            self.life.cut()
            self.setting.power = "Off"
            self._remember()
            server, self.sshd = self.sshd, None
            if server is not None:
                server.stop()

    def _power_up(self) -> None:
        target, uri = ("None", "") if self.setting.enabled == "Disabled" else (self.setting.target, self.setting.uri)
        if self.setting.enabled == "Once":
            self.setting.target, self.setting.enabled, self.setting.uri = "None", "Disabled", ""
        self.setting.power = "On"
        self._remember()
        self._start(target, uri)

    def _start(self, target: str, uri: str) -> None:
        self.life = Power()
        if not self.wrong(Fault.POWER_LIE):
            arguments = (self.life, target, uri)
            threading.Thread(target=self._run, args=arguments, name=self.spec.name, daemon=True).start()

    def _run(self, life: Power, target: str, uri: str) -> None:
        timings, disk = self.place.timings(), Disk(self.disk.path, self.disk.size, life.held)
        self.console(f"power on, boot from {target}")
        try:
            life.pause(timings.power_on_s)
            if target == "UefiHttp" and uri:
                self._network_boot(life, disk, uri, timings)
            else:
                if target in ("Pxe", "UefiHttp"):
                    self.console("no boot server answers; next is the disk")
                self._disk_boot(life, disk, timings)
        except PowerLost:
            self.console("power lost")

    def _network_boot(self, life: Power, disk: Disk, uri: str, timings: Timings) -> None:
        boot = Ramdisk(Body(self.spec, disk, timings, life, self.wrong, self.console), uri)
        with self.place.turn(life):
            boot.run()
        with self.lock:
            # Only this boot may switch the machine off: it may have been switched off and on again meanwhile.
            if self.life is life and boot.report:
                self.power_down()

    def _disk_boot(self, life: Power, disk: Disk, timings: Timings) -> None:
        try:
            header, seed = disk.read_image_header(), disk.read_seed()
        except (NotBootable, OSError) as error:
            self.console(str(error))
            return
        life.pause(timings.boot_s)
        key = seed.get("host_key")
        if not key:
            key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
            disk.write_seed({**seed, "host_key": key})
        host = Host(self.spec, seed["hostname"], seed["ssh_user"], str(header.get("os")), seed.get("user_data", ""))
        server = Sshd(self.place.loop, host, header, seed, key)
        with self.lock:
            life.check()
            try:
                server.start()
            except (OSError, ValueError) as error:
                self.console(f"sshd cannot start: {error}")
                return
            self.sshd = server
        self.console(f"{host.hostname} is up")
        if not self.wrong(Fault.NO_PHONE_HOME):
            self._phone_home(life, seed, key)

    def _phone_home(self, life: Power, seed: dict[str, Any], key: str) -> None:
        home = seed.get("phone_home")
        if not isinstance(home, dict):
            return
        if self.wrong(Fault.SSH_WRONG_HOST_KEY):
            key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        public = asyncssh.import_private_key(key).export_public_key().decode().strip()
        with Agent(life) as agent:
            try:
                agent.post(home["url"], home["token"], {"hostname": seed["hostname"], "host_keys": [public]})
            except (Refused, Unreachable, KeyError, ValueError) as error:
                self.console(f"phone home: {type(error).__name__} {error}")
