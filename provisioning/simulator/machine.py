"""A server behind its BMC: power, boot override, and what runs on it."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncssh

from provisioning.simulator.agent import Agent, Refused, Unreachable
from provisioning.simulator.disk import Disk, NotBootable
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.fleet import Spec, Timings
from provisioning.simulator.ramdisk import Body, Ramdisk
from provisioning.simulator.shell import Host
from provisioning.simulator.sshd import Loop, Sshd

log = logging.getLogger(__name__)


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


class Machine:
    """One server. Its BMC calls ``reset`` and ``override``; everything else it does by itself."""

    def __init__(self, spec: Spec, place: Place) -> None:
        """Take up the machine in the state in which it was left."""
        self.spec = spec
        self.place = place
        self.disk = Disk(place.folder / "disks" / f"{spec.name}.img", spec.disk_bytes)
        self.lock = threading.RLock()
        self.off = threading.Event()
        self.running: threading.Thread | None = None
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

    def console(self, line: str) -> None:
        """Write a line to the machine's serial console."""
        path = self.place.folder / "console" / f"{self.spec.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(line + "\n")

    def wrong(self, fault: str) -> bool:
        """Tell whether the machine has a fault now."""
        return self.place.faults.has(self.spec.name, Fault(fault))

    def resume(self) -> None:
        """After a restart of the emulator: a machine that was on starts from its disk."""
        with self.lock:
            if self.setting.power == "On":
                self._start("Hdd", "")

    def override(self, target: str, enabled: str, uri: str) -> None:
        """Set what the next boot is from."""
        with self.lock:
            self.setting.target, self.setting.enabled, self.setting.uri = target, enabled, uri
            self._remember()

    def reset(self, kind: str) -> None:
        """Do a power action of Redfish's ResetType."""
        with self.lock:
            if self.wrong(Fault.POWER_STUCK):
                return
            if kind in ("ForceOff", "GracefulShutdown", "ForceRestart", "GracefulRestart"):
                self.power_down()
            if kind not in ("ForceOff", "GracefulShutdown") and self.setting.power == "Off":
                self._power_up()

    def power_down(self) -> None:
        """Lose power: whatever runs stops, sessions drop."""
        with self.lock:
            self.off.set()
            server, self.sshd = self.sshd, None
            self.setting.power = "Off"
            self._remember()
        if server is not None:
            server.stop()

    def _power_up(self) -> None:
        target, uri = self.setting.target, self.setting.uri
        if self.setting.enabled == "Once":
            self.setting.target, self.setting.enabled, self.setting.uri = "None", "Disabled", ""
        self.setting.power = "On"
        self._remember()
        if not self.wrong(Fault.POWER_LIE):
            self._start(target, uri)

    def _start(self, target: str, uri: str) -> None:
        self.off = threading.Event()
        arguments = (self.running, self.off, target, uri)
        self.running = threading.Thread(target=self._run, args=arguments, name=self.spec.name, daemon=True)
        self.running.start()

    def _run(self, before: threading.Thread | None, off: threading.Event, target: str, uri: str) -> None:
        if before is not None:
            # What ran until the power was cut must not write to the disk any more: a machine has one life at a time.
            before.join()
        timings = self.place.timings()
        self.console(f"power on, boot from {target}")
        if off.wait(timings.power_on_s):
            return
        if target == "UefiHttp" and uri:
            self._network_boot(off, uri, timings)
        else:
            self._disk_boot(off, timings)

    def _network_boot(self, off: threading.Event, uri: str, timings: Timings) -> None:
        body = Body(self.spec, self.disk, timings, off.is_set, off.wait, self.wrong, self.console)
        boot = Ramdisk(body, uri)
        with self.place.gate:
            if not off.is_set():
                boot.run()
        with self.lock:
            # Only this boot may switch the machine off: it may have been switched off and on again meanwhile.
            if self.off is off and boot.report:
                self.power_down()

    def _disk_boot(self, off: threading.Event, timings: Timings) -> None:
        try:
            header, seed = self.disk.read_image_header(), self.disk.read_seed()
        except NotBootable as error:
            self.console(str(error))
            return
        if off.wait(timings.boot_s):
            return
        key = seed.get("host_key")
        if not key:
            key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
            self.disk.write_seed({**seed, "host_key": key})
        host = Host(self.spec, seed["hostname"], seed["ssh_user"], str(header.get("os")), seed.get("user_data", ""))
        server = Sshd(self.place.loop, host, header, seed, key)
        with self.lock:
            if off.is_set():
                return
            server.start()
            self.sshd = server
        self.console(f"{host.hostname} is up")
        if not self.wrong(Fault.NO_PHONE_HOME):
            self._phone_home(off, seed, key)

    def _phone_home(self, off: threading.Event, seed: dict[str, object], key: str) -> None:
        home = seed.get("phone_home")
        if not isinstance(home, dict):
            return
        if self.wrong(Fault.SSH_WRONG_HOST_KEY):
            key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        public = asyncssh.import_private_key(key).export_public_key().decode().strip()
        agent = Agent(off.is_set)
        try:
            agent.post(home["url"], home["token"], {"hostname": seed["hostname"], "host_keys": [public]})
        except (Refused, Unreachable) as error:
            self.console(f"phone home: {type(error).__name__} {error}")
        finally:
            agent.close()
