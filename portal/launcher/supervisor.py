"""Starts services in order, watches them, and stops them in reverse."""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.launcher import children
from portal.launcher.problems import LaunchProblem

RESTARTS = 3
RESTART_WINDOW_S = 60.0
LOG_KEEP_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Service:
    """A program to keep running."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Callable[[Path, int], bool]
    """Whether it serves by now, given its log file and the length that file had before the start."""
    start_limit_s: float = 60.0
    stop_limit_s: float = 3.0


@dataclass
class Running:
    """A service with its process."""

    service: Service
    process: "subprocess.Popen[bytes]"
    log: Path
    log_start: int
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))


class Supervisor:
    """The services of one launcher."""

    def __init__(self, logs: Path, cwd: Path, say: Callable[[str], None]) -> None:
        """Keep log files in ``logs``, run services in ``cwd``, and tell people what happens through ``say``."""
        self.logs = logs
        self.cwd = cwd
        self.say = say
        self.running: list[Running] = []

    def start(self, service: Service) -> None:
        """Start a service without waiting for it."""
        log = self.logs / f"{service.name}.log"
        self.running.append(self._spawn(service, log))

    def _spawn(self, service: Service, log: Path) -> Running:
        rotate(log)
        with log.open("ab") as output:
            before = output.tell()
            process = children.start(service.argv, env=service.env, log=output, cwd=self.cwd)
        return Running(service, process, log, before)

    def wait_ready(self, name: str) -> None:
        """Wait until the service called ``name`` serves. Raises LaunchProblem when it is late or any one ends."""
        running = next(item for item in self.running if item.service.name == name)
        deadline = time.monotonic() + running.service.start_limit_s
        while not running.service.ready(running.log, running.log_start):
            for item in self.running:
                if item.process.poll() is not None:
                    raise LaunchProblem(
                        f"The {item.service.name} stopped while starting: {last_line(item.log)} (see {item.log})"
                    )
            if time.monotonic() > deadline:
                limit = running.service.start_limit_s
                raise LaunchProblem(f"The {name} was not ready within {limit:.0f} s: see {running.log}")
            time.sleep(0.2)

    def check(self) -> None:
        """Start services that ended anew. Raises LaunchProblem for one that keeps ending."""
        for place, item in enumerate(self.running):
            code = item.process.poll()
            if code is None:
                continue
            item.deaths.append(time.monotonic())
            if len(item.deaths) == RESTARTS and item.deaths[-1] - item.deaths[0] < RESTART_WINDOW_S:
                raise LaunchProblem(
                    f"The {item.service.name} ended {RESTARTS} times within a minute: {last_line(item.log)} "
                    f"(see {item.log})"
                )
            self.say(f"The {item.service.name} ended ({ending(code)}); starting it again. Log: {item.log}")
            end_group(item.process)
            fresh = self._spawn(item.service, item.log)
            fresh.deaths = item.deaths
            self.running[place] = fresh

    def stop(self) -> None:
        """Stop the services, the last started first; one that takes too long is killed with all its children."""
        while self.running:
            item = self.running.pop()
            if item.process.poll() is None:
                item.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    item.process.wait(item.service.stop_limit_s)
            end_group(item.process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the process group that ``process`` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ending(code: int) -> str:
    """Say in words how a process ended."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def rotate(log: Path) -> None:
    """Set a log file aside that has grown large; one older copy is kept."""
    if log.exists() and log.stat().st_size > LOG_KEEP_BYTES:
        log.replace(log.with_suffix(".log.1"))


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, for a one-line message."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-50:]]
    spoken = [line for line in lines if line]
    return spoken[-1][:300] if spoken else "it said nothing"
