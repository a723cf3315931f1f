"""A virtual machine behind its BMC: real firmware and real kernels, emulated by QEMU."""

import contextlib
import logging
import shutil
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx

from provisioning.simulator import firmware, passage, processes, qmp, vm
from provisioning.simulator.chassis import CONSOLE_BYTES, Chassis, Place
from provisioning.simulator.fleet import QEMU, Spec
from provisioning.simulator.power import Power

log = logging.getLogger(__name__)

LARGEST_MEDIUM = 512 * 1024 * 1024
MEDIUM_S = 60.0
"""How long the BMC may take to fetch a medium."""
CHUNK = 1 << 20
LOOK_EVERY_S = 0.2
NEEDED = (vm.QEMU, "setpriv")


class VirtualMachine(Chassis):
    """One server that is a QEMU process while it is on."""

    KIND = QEMU

    def __init__(self, spec: Spec, place: Place) -> None:
        """Take up the machine in the state in which it was left; a process that was left of it is ended.

        Raises OSError when the programs are not there, or such a process does not end.
        """
        missing = processes.missing_programs(NEEDED)
        if missing or not vm.FIRMWARE.exists():
            raise OSError("virtual machines need Debian's packages qemu-system-x86 and ovmf")
        super().__init__(spec, place)
        self.mark = processes.mark_of(place.folder, spec.name)
        self.process: subprocess.Popen[bytes] | None = None
        self.disk_file = self._file("disks", "img")
        self.medium = self._file("media", "iso")
        self.variables = self._file("firmware", "fd")
        self._prepare()
        if processes.end_leftovers(self.mark):
            log.warning("%s: a process that an earlier emulator left was ended", spec.name)

    def _file(self, kind: str, ending: str) -> Path:
        return (self.place.folder / kind / f"{self.spec.name}.{ending}").resolve()

    def _prepare(self) -> None:
        for path in (self.disk_file, self.medium, self.variables, self._file("run", "qmp"), self.journal.path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.disk_file.exists() or self.disk_file.stat().st_size != self.spec.disk_bytes:
            with self.disk_file.open("ab") as file:
                file.truncate(self.spec.disk_bytes)
        if not self.variables.exists():
            shutil.copyfile(vm.VARIABLES, self.variables)

    def insert(self, image: str) -> None:
        """Fetch an image and put it into the drive; a machine that is on sees it at its next start.

        Raises ValueError when it cannot be had.
        """
        partial = self.medium.with_suffix(".part")
        try:
            _fetch(image, partial)
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            partial.unlink(missing_ok=True)
            raise ValueError(f"the image cannot be fetched: {type(error).__name__} {error}") from error
        with self.lock:
            partial.replace(self.medium)
            super().insert(image)

    def eject(self) -> None:
        """Empty the drive; a machine that is on keeps what it booted from until it is switched off."""
        with self.lock:
            super().eject()
            self.medium.unlink(missing_ok=True)

    def ask_off(self) -> None:
        """Press the power button; the operating system decides. Nothing happens when it is off or does not listen."""
        if self.process is None:
            return
        try:
            qmp.ask(self._file("run", "qmp"), "system_powerdown")
        except (OSError, ValueError) as error:
            log.warning("%s: %s", self.spec.name, error)

    def _stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def _run(self, life: Power, target: str, uri: str) -> None:
        with ExitStack() as cables:
            process = self._start(life, target, uri, cables)
            # This thread stays: the process ends with the thread that started it.
            while process is not None and process.poll() is None:
                self._shorten_console()
                time.sleep(LOOK_EVERY_S)
        self._off(life)

    def _start(self, life: Power, target: str, uri: str, cables: ExitStack) -> subprocess.Popen[bytes] | None:
        """Start QEMU with its cables plugged in, for as long as they are to be; None when that cannot be."""
        with self.lock:
            if life.lost:
                return None
            self._write(f"power on, boot from {target}")
            try:
                if uri:
                    firmware.boot_once_from(self.variables, self._from_inside(uri))
                line = cables.enter_context(self._cable())
                self.process = processes.spawn(
                    vm.argv(self._as_built(target, line)),
                    folder=self.place.folder,
                    netns=self.spec.netns,
                    output=self._file("run", "log"),
                    inherited=[line.fileno()] if line else [],
                )
            except OSError as error:
                self._write(f"QEMU cannot be started: {error}")
                return None
            return self.process

    def _cable(self) -> AbstractContextManager[socket.socket | None]:
        """Return the cable to the machine's port on a switch; none where it hangs on no switch."""
        spec, switches = self.spec, self.place.switches
        if switches is None or not spec.switch:
            return contextlib.nullcontext()
        return switches.frames.plugged((spec.switch, spec.port))

    def _off(self, life: Power) -> None:
        """Note that the machine went off by itself; when it was switched off, or is on again, that is known."""
        with self.lock:
            if self.life is life and not life.lost:
                self._write("off")
                self.power_down()

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError), self.journal.path.open("a") as file:
            file.write(f"[{line}]\n")

    def _shorten_console(self) -> None:
        """Keep the log of the console short. QEMU appends to it, so that what is cut off does not come back."""
        path = self.journal.path
        if path.exists() and path.stat().st_size >= CONSOLE_BYTES:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            with path.open("r+b") as file:
                file.truncate(0)

    def _as_built(self, target: str, line: socket.socket | None) -> vm.VM:
        return vm.VM(
            name=self.mark,
            uuid=self.spec.uuid,
            serial=self.spec.serial,
            mac=self.spec.mac,
            memory_mb=self.spec.memory_gb * 1024,
            disk=self.disk_file,
            drive_serial=self.spec.drive_serial,
            variables=self.variables,
            # Relative to where QEMU runs: the path of a socket has 108 bytes.
            monitor=Path("run") / f"{self.spec.name}.qmp",
            console=Path("run") / f"{self.spec.name}.tty",
            console_log=self.journal.path.resolve(),
            network=self._network(),
            switched=vm.SwitchedCard(self.spec.switched_mac, line.fileno()) if line else None,
            cdrom=self.medium if self.setting.image else None,
            boot=target,
            is_off_after_reset=target in ("Cd", "Pxe", "UefiHttp") and self.setting.enabled != "Continuous",
        )

    def _from_inside(self, uri: str) -> str:
        guests = self.place.guests
        if guests is None or self.spec.tap:
            return uri
        return firmware.seen_by_guest(uri, (guests.portal_host, guests.portal_port))

    def _network(self) -> vm.OwnNetwork | vm.TapNetwork:
        if self.spec.tap:
            return vm.TapNetwork(self.spec.tap)
        guests, out = self.place.guests, ""
        if guests is not None:
            out = f"'{sys.executable}' -I -S '{passage.__file__}' {guests.portal_host} {guests.portal_port}"
        return vm.OwnNetwork(self.spec.ssh_host, self.spec.ssh_port, out)


def _fetch(address: str, target: Path) -> None:
    """Download a medium, for nobody else to read. Raises OSError, httpx's errors."""
    deadline, size = time.monotonic() + MEDIUM_S, 0
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with (
        httpx.Client(timeout=20, trust_env=False, follow_redirects=False) as client,
        client.stream("GET", address) as reply,
        target.open("wb") as file,
    ):
        if reply.status_code != 200:
            raise OSError(f"HTTP {reply.status_code}")
        for data in reply.iter_bytes(CHUNK):
            size += len(data)
            if size > LARGEST_MEDIUM:
                raise OSError(f"it has more than {LARGEST_MEDIUM} bytes")
            if time.monotonic() > deadline:
                raise OSError(f"it takes longer than {MEDIUM_S:.0f} s")
            file.write(data)
