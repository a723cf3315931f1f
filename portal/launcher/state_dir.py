"""The folder in which one portal lives: who owns it, what is in it, and how it is emptied."""

import fcntl
import hashlib
import os
import pwd
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from portal.launcher.identity import may_enter, own_folder, service_account
from portal.launcher.postgres import SOCKET_LIMIT
from portal.launcher.problems import LaunchProblem

MARKER = ".metalyard-state"
CONTENT = ("access.json", "demo.json", "env", "beat", "broker", "fleet", "images", "log", "pg", "run", "static", "tls")
"""All that a start makes in a state folder; nothing else in it is ever removed."""
ELSEWHERE = Path("/var/tmp")  # noqa: S108  (guarded by own_folder)
LONGEST_SOCKET = "/pg/run/.s.PGSQL.5432"
PREDECESSOR_S = 20.0
"""How long the guard of a launcher that was killed may need to clean up after it."""


@dataclass(frozen=True)
class StateDir:
    """A state folder that is ours and locked."""

    root: Path
    servers: Path
    """Where PostgreSQL and the broker's socket live: ``root``, or a folder that an unprivileged server can reach."""
    lock: int
    """File descriptor that holds the lock."""

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.root / "log"

    @property
    def fleet(self) -> Path:
        """Folder of the emulated fleet."""
        return self.root / "fleet"


def open_state_dir(root: Path, *, reset: bool) -> StateDir:
    """Make or take the folder ``root``, lock it, and with ``reset`` empty it first.

    Raises LaunchProblem when it cannot be written, is someone else's, or a portal runs in it already.
    """
    root = Path(os.path.abspath(root))
    _make(root)
    _check_owner(root)
    lock = _lock(root)
    (root / MARKER).touch(mode=0o600)
    servers = _servers_folder(root)
    if reset:
        _empty(root, servers)
        servers = _servers_folder(root)
    for name in ("log", "fleet", "images", "run"):
        (root / name).mkdir(mode=0o700, exist_ok=True)
    (servers / "pg").mkdir(mode=0o711, exist_ok=True)
    return StateDir(root, servers, lock)


def _make(root: Path) -> None:
    # Root's servers run as another user, who must be able to pass through; the secrets inside are 0600.
    mode = 0o700 if service_account() is None else 0o711
    try:
        root.mkdir(mode=mode, parents=True, exist_ok=True)
        probe = root / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise LaunchProblem(
            f"Cannot write to the folder {root} ({error.strerror}): choose another with --state-dir."
        ) from error


def _check_owner(root: Path) -> None:
    marker = root / MARKER
    if not marker.exists():
        strangers = sorted(entry.name for entry in root.iterdir() if entry.name != "lock")
        if strangers:
            raise LaunchProblem(
                f"The folder {root} holds other files ({strangers[0]}): choose an empty or new one with --state-dir."
            )
        return
    owner = marker.stat().st_uid
    if owner != os.geteuid():
        raise LaunchProblem(f"The folder {root} belongs to {_user(owner)}: start as that user, or use --state-dir.")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _lock(root: Path) -> int:
    """Take the lock, waiting for the guard of a launcher that is gone."""
    descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PREDECESSOR_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode().strip()
            if time.monotonic() > deadline or (holder and Path(f"/proc/{holder}").exists()):
                os.close(descriptor)
                raise LaunchProblem(
                    f"A portal already runs in {root} (process {holder}): stop it, or use another --state-dir."
                ) from None
            time.sleep(0.2)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor


def _servers_folder(root: Path) -> Path:
    """Return ``root`` if its path is short enough for sockets and open to the service account, else a stand-in."""
    short = len(os.fsencode(f"{root}{LONGEST_SOCKET}")) <= SOCKET_LIMIT
    if short and may_enter(root, service_account()):
        return root
    mode = 0o700 if service_account() is None else 0o711
    return own_folder(ELSEWHERE / f"metalyard-{digest(root)[:12]}", mode)


def digest(root: Path) -> str:
    """Return a hexadecimal name that differs between state folders and users."""
    return hashlib.sha256(f"{os.geteuid()}:{root.resolve()}".encode()).hexdigest()


def _empty(root: Path, servers: Path) -> None:
    try:
        for folder in {root, servers}:
            for name in CONTENT:
                _remove(folder / name)
        if servers != root:
            servers.rmdir()
    except OSError as error:
        raise LaunchProblem(f"Cannot remove {error.filename}: {error.strerror}.") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
