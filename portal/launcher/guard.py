"""The last one to leave: ends whatever a launcher that was killed left running.

Started as a process of its own (by path, standard library only) with a pipe from the launcher as its input. When the
pipe closes, the launcher is gone, however it ended; what still carries its mark gets a moment to stop in an orderly
way and is then killed. The guard also holds the lock of the state folder until then.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

MARK = "METALYARD_RUN"
"""Environment variable that every process of one start inherits, whatever its parent becomes."""
ORDERLY_S = 8.0
FORCED_S = 5.0


def marked(mark: str) -> list[int]:
    """Return the processes that carry ``mark``, without this one."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            ended = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (OSError, IndexError):
            continue  # ended meanwhile, or belongs to someone else
        if wanted in environment and not ended and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def sweep(mark: str, *, orderly_s: float) -> int:
    """Wait up to ``orderly_s`` seconds for the processes with ``mark`` to end, then kill them. Return how many."""
    deadline = time.monotonic() + orderly_s
    while time.monotonic() < deadline and marked(mark):
        time.sleep(0.2)
    killed: set[int] = set()
    deadline = time.monotonic() + FORCED_S
    while time.monotonic() < deadline and (left := marked(mark)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed.update(left)
        time.sleep(0.05)
    return len(killed)


def main() -> None:
    """Wait for the end of the launcher, then sweep."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    sys.stdin.buffer.read()
    sweep(sys.argv[1], orderly_s=ORDERLY_S)


if __name__ == "__main__":
    main()
