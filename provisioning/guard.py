"""End every process of a run, whoever dies first.

As a program it stands between the worker and ansible-playbook: when the worker dies (even by SIGKILL) or the guard is
told to stop, nothing of the run survives. As a module it gives the worker `end_run` for the same purpose.

Why not leave it to ansible-runner: its cancel kills the process group of ansible-playbook, but Ansible's workers call
setsid (ansible-core 2.19, executor/process/worker.py) and go on (ansible-runner issue 973). Linux only: reads /proc.
Runs with `python -I -S`: standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from types import FrameType

RUN_MARK = "METALYARD_RUN"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36


class Survivors(RuntimeError):
    """Processes of the run could not be killed in time (stuck in the kernel)."""


def members(mark: str) -> dict[int, int]:
    """Living processes of the run `mark`, each with its parent: those with the mark in their environment, and all their
    descendants.

    The environment finds what was orphaned or changed its session; descent finds what cleared its environment.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    wanted = f"{RUN_MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        pid = int(entry)
        state, parent = _stat(pid)
        if state in ("", "Z", "X"):
            continue
        parents[pid] = parent
        if wanted in _environment(pid):
            found.add(pid)
    return {pid: parents[pid] for pid in _with_descendants(found, parents)}


def end_run(mark: str, *, within_s: float = 5.0) -> set[int]:
    """SIGKILL every process of the run `mark` but ourselves until none is left; returns the ids that were killed.

    Our own child is the guard, which adopts every orphan: it goes last, so that nothing leaves its descent meanwhile.
    Raises `Survivors` when some are still alive after `within_s` seconds.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + within_s
    while left := _others(members(mark)):
        if time.monotonic() > deadline:
            raise Survivors(f"processes {sorted(left)} of run {mark} do not die")
        for pid in left:
            _kill(pid)
        killed |= left
        time.sleep(0.01)
    return killed


def let_end(mark: str) -> None:
    """Tell the guard of the run ``mark``, our child, to end it now."""
    for pid, parent in members(mark).items():
        if parent == os.getpid():
            os.kill(pid, signal.SIGTERM)


def _others(run: dict[int, int]) -> set[int]:
    run.pop(os.getpid(), None)
    if os.environ.get(RUN_MARK):  # we are the guard: our child is ansible-playbook, which must stop starting workers
        return set(run)
    return {pid for pid, parent in run.items() if parent != os.getpid()} or set(run)


def main(argv: list[str]) -> int:
    """`guard.py PARENT_PID COMMAND...`: run the command, end with its exit status, and leave nothing behind."""
    parent, command = int(argv[1]), argv[2:]
    mark = os.environ[RUN_MARK]
    signal.signal(signal.SIGTERM, _stop)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        if os.getppid() != parent:  # the worker died before the line above: no signal will come
            return 1
        return _status_of(_start(command))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_run(mark)
        _reap()


def _reap() -> None:
    """Wait for what was killed, so that the time it used counts as ours. Survivors would have been raised before."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _start(command: list[str]) -> int:
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # If the guard itself is shot, at least the leader goes with it; the worker's end_run finds the rest.
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.execv(command[0], command)  # noqa: S606 - an argv list, no shell
        finally:
            os._exit(127)  # the child must never run the parent's clean-up
    return child


def _status_of(child: int) -> int:
    """Wait for `child`, reaping every orphan meanwhile."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _stop(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _with_descendants(roots: set[int], parents: dict[int, int]) -> set[int]:
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return found


def _stat(pid: int) -> tuple[str, int]:
    """State letter and parent of a process; ("", 0) when it is gone. The name may hold anything, even brackets."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return "", 0
    return (fields[0].decode(), int(fields[1])) if len(fields) > 1 else ("", 0)


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
