"""What every kind of server has in common behind its BMC: power, boot override, virtual media, and their memory."""

import contextlib
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.fleet import Guests, Spec, Timings
from provisioning.simulator.journal import Journal
from provisioning.simulator.power import Power
from provisioning.simulator.sshd import Loop
from provisioning.simulator.switch import Switches

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
    image: str = ""
    """Address of the image in the virtual drive; empty when there is none."""
    reset_at: float = 0
    """When the machine was last switched on or reset, in seconds since 1970; 0 when it never was."""


@dataclass(frozen=True)
class Place:
    """Where a machine keeps its files, and what it shares with the others."""

    folder: Path
    faults: Faults
    timings: Callable[[], Timings]
    loop: Loop
    gate: threading.Semaphore
    guests: Guests | None = None
    switches: Switches | None = None
    """None where no machine hangs on a switch."""

    @contextlib.contextmanager
    def turn(self, power: Power) -> Iterator[None]:
        """Wait for one's turn on the network. Raises PowerLost when the power is cut meanwhile."""
        while not self.gate.acquire(timeout=0.2):
            power.check()
        try:
            yield
        finally:
            self.gate.release()


class Chassis(ABC):
    """One server. Its BMC calls ``reset``, ``override``, ``insert`` and ``eject``; how it runs is its kind's matter."""

    KIND: ClassVar[str]

    def __init__(self, spec: Spec, place: Place) -> None:
        """Take up the machine in the state in which it was left."""
        self.spec = spec
        self.place = place
        self.journal = Journal(place.folder / "console" / f"{spec.name}.log", CONSOLE_BYTES)
        self.console = self.journal.write
        self.lock = threading.RLock()
        self.life = Power()
        self.setting = self._remembered()

    @property
    def _state_file(self) -> Path:
        return self.place.folder / "state" / f"{self.spec.name}.json"

    def _remembered(self) -> Setting:
        try:
            return Setting(**json.loads(self._state_file.read_text()))
        except (OSError, ValueError, TypeError):
            return Setting()

    def remember(self) -> None:
        """Write the setting down."""
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
                self._begin(*((self.setting.target, self.setting.uri) if lasting else ("Hdd", "")))

    def override(self, target: str, enabled: str, uri: str) -> None:
        """Set what the next boot is from."""
        with self.lock:
            self.setting.target, self.setting.enabled, self.setting.uri = target, enabled, uri
            self.remember()

    def insert(self, image: str) -> None:
        """Put an image into the virtual drive, in place of the one in it. Raises ValueError when it cannot be had."""
        with self.lock:
            self.setting.image = image
            self.remember()

    def eject(self) -> None:
        """Empty the virtual drive."""
        with self.lock:
            self.setting.image = ""
            self.remember()

    def reset(self, kind: str) -> None:
        """Do a power action of Redfish's ResetType. Raises ValueError for one that there is not."""
        if kind not in (*OFF, *AGAIN, *ON, *NOTHING):
            raise ValueError(f"unsupported ResetType {kind}")
        with self.lock:
            if self.wrong(Fault.POWER_STUCK) or kind in NOTHING:
                return
            if kind == "GracefulShutdown":
                self.ask_off()
            elif kind in (*OFF, *AGAIN):
                self.power_down()
            if kind not in OFF and self.setting.power == "Off":
                self._power_up()

    def ask_off(self) -> None:
        """Let the operating system switch the machine off; where nothing listens, that is the same as to cut it."""
        self.power_down()

    def power_down(self) -> None:
        """Lose power: whatever runs stops, sessions drop. Nothing is written to the disk after the return."""
        with self.lock:
            self.life.cut()
            self.setting.power = "Off"
            self.remember()
            self._stop()

    def halt(self) -> None:
        """Stop what runs because the emulator ends; after its restart the machine is as it is now."""
        with self.lock:
            self.life.cut()
            self._stop()

    def _power_up(self) -> None:
        target, uri = ("None", "") if self.setting.enabled == "Disabled" else (self.setting.target, self.setting.uri)
        if self.setting.enabled == "Once":
            self.setting.target, self.setting.enabled, self.setting.uri = "None", "Disabled", ""
        self.setting.power, self.setting.reset_at = "On", time.time()
        self.remember()
        self._begin(target, uri)

    def _begin(self, target: str, uri: str) -> None:
        self.life = Power()
        if not self.wrong(Fault.POWER_LIE):
            arguments = (self.life, target, uri)
            threading.Thread(target=self._run, args=arguments, name=self.spec.name, daemon=True).start()

    @abstractmethod
    def _run(self, life: Power, target: str, uri: str) -> None:
        """Run, in a thread of its own, from power on to the end of ``life``."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop what runs, and wait until it has. The lock is held."""
