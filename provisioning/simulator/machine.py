"""An emulated server behind its BMC: what runs on it, without firmware and without a kernel."""

import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncssh

from provisioning.simulator.agent import Agent, Refused, Unreachable
from provisioning.simulator.chassis import Chassis, Place
from provisioning.simulator.disk import Disk, NotBootable
from provisioning.simulator.faults import Fault
from provisioning.simulator.fleet import EMULATED, Spec, Timings
from provisioning.simulator.power import Power, PowerLost
from provisioning.simulator.ramdisk import Body, Ramdisk
from provisioning.simulator.shell import Host
from provisioning.simulator.sshd import Sshd

log = logging.getLogger(__name__)

RESCUE = "Rescue system"


class Machine(Chassis):
    """One emulated server: no firmware and no kernel, but what can be seen of both from outside."""

    KIND = EMULATED

    def __init__(self, spec: Spec, place: Place) -> None:
        """Take up the machine in the state in which it was left."""
        super().__init__(spec, place)
        self.disk = Disk(place.folder / "disks" / f"{spec.name}.img", spec.disk_bytes)
        self.sshd: Sshd | None = None

    def _stop(self) -> None:
        server, self.sshd = self.sshd, None
        if server is not None:
            server.stop()

    def _run(self, life: Power, target: str, uri: str) -> None:
        timings, disk = self.place.timings(), Disk(self.disk.path, self.disk.size, life.held)
        self.console(f"power on, boot from {target}")
        try:
            life.pause(timings.power_on_s)
            source = self.setting.image if target == "Cd" else uri
            if target in ("Cd", "UefiHttp") and source:
                self._network_boot(life, disk, target, source, timings)
            else:
                if target in ("Cd", "Pxe", "UefiHttp"):
                    self.console(f"nothing to boot from {target}; next is the disk")
                self._disk_boot(life, disk, timings)
        except PowerLost:
            self.console("power lost")

    def _network_boot(self, life: Power, disk: Disk, target: str, uri: str, timings: Timings) -> None:
        serve = partial(self._serve_rescue, life)
        # What comes from the drive needs no network; firmware fetches its medium over that in which it boots.
        starts = self._is_connected if target == "Cd" else self._boots
        body = Body(self.spec, disk, timings, life, self.wrong, self.console, self._boots, starts, serve)
        boot = Ramdisk(body, uri)
        with self.place.turn(life):
            boot.run()
        with self.lock:
            # Only this boot may switch the machine off: it may have been switched off and on again meanwhile.
            if self.life is life and boot.report and not boot.stays:
                self.power_down()

    def _serve_rescue(self, life: Power, hostname: str, keys: Sequence[str], host_key: str) -> None:
        host = Host(self.spec, hostname, "root", RESCUE, "", self.wrong)
        server = Sshd(self.place.loop, host, {"os": RESCUE}, {"ssh_authorized_keys": list(keys)}, host_key)
        with self.lock:
            life.check()
            server.start()
            self.sshd = server
        self.console(f"{hostname} is up")

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
        host = Host(
            self.spec,
            seed["hostname"],
            seed["ssh_user"],
            str(header.get("os")),
            seed.get("user_data", ""),
            self.wrong,
            self._reaches,
        )

        def remember(known: dict[str, Any]) -> None:
            with contextlib.suppress(PowerLost):
                disk.write_seed({**seed, "host_key": key, "handover": known})

        server = Sshd(self.place.loop, host, header, seed, key, remember)
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
        with Agent(life, self._is_connected) as agent:
            try:
                agent.post(home["url"], home["token"], {"hostname": seed["hostname"], "host_keys": [public]})
            except (Refused, Unreachable, KeyError, ValueError) as error:
                self.console(f"phone home: {type(error).__name__} {error}")

    def _boots(self) -> bool:
        return self.place.switches is None or self.place.switches.boots(self.spec)

    def _reaches(self, other: Spec) -> bool:
        return self.place.switches is None or self.place.switches.connects(self.spec, other)

    def _is_connected(self) -> bool:
        return self.place.switches is None or self.place.switches.is_connected(self.spec)
