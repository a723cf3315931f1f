"""What a PostgreSQL that was killed leaves behind: a pid file that may name a process of someone else by now."""

import os
import signal
import time
from pathlib import Path

from portal.launcher.problems import LaunchProblem

PATIENCE_S = 10.0


def clear(data: Path, sockets: Path) -> None:
    """Remove the pid files of a server that is gone, after stopping one that still runs on ``data``.

    The caller holds the lock of the state folder, so a server found here lost its launcher.

    Raises LaunchProblem when it cannot be stopped.
    """
    pid_file = data / "postmaster.pid"
    pid = _first_number(pid_file)
    if pid is not None and _is_server_of(pid, data):
        _stop(pid, data)
    for leftover in (pid_file, sockets / ".s.PGSQL.5432.lock", sockets / ".s.PGSQL.5432"):
        leftover.unlink(missing_ok=True)


def _first_number(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _is_server_of(pid: int, data: Path) -> bool:
    """Tell whether the process is a PostgreSQL that works in ``data`` (its working folder is the data folder)."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve()
    except OSError:
        return False


def _stop(pid: int, data: Path) -> None:
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not _is_server_of(pid, data):
            return
        time.sleep(0.1)
    raise LaunchProblem(f"An earlier PostgreSQL (pid {pid}) still uses {data}: stop it and start again.")
