"""Processes that do not outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from portal.launcher import guard
from portal.launcher.identity import Account

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h, see prctl(2)."""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child runs before exec so that the kernel sends it ``death_signal`` when its parent ends.

    The kernel forgets the request when the user id changes, so it is made after that (``preexec_fn`` runs last).
    Other systems than Linux have no such call; there the child gets no signal.
    """
    parent = os.getpid()

    def ask() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: IO[bytes] | int,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session: Ctrl-C reaches only the launcher, which then stops its children in order.

    Must be called from a thread that lives as long as the child should: the kernel ties the child to that thread.
    """
    return subprocess.Popen(
        [str(part) for part in argv],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=dies_with_parent(death_signal),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def start_guard(mark: str, lock: int) -> Callable[[], None]:
    """Start the process that cleans up when this one is killed, and return what sends it away in peace.

    It finds processes by ``mark`` and keeps the file descriptor ``lock`` open until it has done its work.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, mark],
        stdin=subprocess.PIPE,
        pass_fds=(lock,),
        start_new_session=True,
    )

    def dismiss() -> None:
        process.communicate()

    return dismiss
