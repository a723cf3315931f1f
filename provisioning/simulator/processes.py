"""The processes of virtual machines: they die with the emulator, and what one left behind is ended, nothing else."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

END_S = 10.0


def mark_of(folder: Path, name: str) -> str:
    """Return what QEMU is to be named: no machine of another folder has the same."""
    return f"metalyard-{sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}-{name}"


def spawn(
    command: Sequence[str], *, folder: Path, netns: str, output: Path, inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process that is killed when the calling thread ends: stay in it. Raises OSError.

    Of the open files it has those that are ``inherited``, by the same numbers.
    """
    inside = ["ip", "netns", "exec", netns] if netns else []
    # setpriv is in Debian's util-linux, which is essential. Python's own preexec_fn is unsafe beside other threads.
    guarded = [*inside, "setpriv", "--pdeathsig", "KILL", "--", *command]
    with output.open("wb") as written:
        return subprocess.Popen(
            guarded, cwd=folder, stdin=subprocess.DEVNULL, stdout=written, stderr=written, pass_fds=inherited
        )


def missing_programs(programs: Sequence[str]) -> list[str]:
    """Return those that are not installed."""
    return [name for name in programs if shutil.which(name) is None]


def _named(mark: str) -> Iterator[int]:
    """Yield the processes of this user that are QEMUs of exactly that name."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_named(int(entry.name), mark):
            yield int(entry.name)


def _is_named(pid: int, mark: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return Path(f"/proc/{pid}").stat().st_uid == os.getuid() and any(
            (option, value) == (b"-name", mark.encode()) for option, value in pairwise(words)
        )
    except OSError:
        return False


def end_leftovers(mark: str) -> int:
    """Kill what an emulator that is gone left of this machine, and wait until it is gone; return how many there were.

    Raises OSError when one does not end.
    """
    ended = 0
    for pid in list(_named(mark)):
        with contextlib.suppress(ProcessLookupError), _handle_of(pid) as handle:
            # The number may have gone to another process meanwhile; the handle cannot.
            if not _is_named(pid, mark):
                continue
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            if not select.select([handle], [], [], END_S)[0]:
                raise OSError(f"process {pid}, left of {mark}, does not end")
            ended += 1
    return ended


@contextlib.contextmanager
def _handle_of(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)
