"""The user a database server runs as: PostgreSQL refuses root, so root hands it to an account without rights."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from portal.launcher.problems import LaunchProblem

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """A user to become."""

    uid: int
    gid: int
    name: str


def service_account() -> Account | None:
    """Return the account for servers that refuse root, or None where this process is not root and stays who it is."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise LaunchProblem(
            f"PostgreSQL does not run as root and there is no user '{UNPRIVILEGED}': start as an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def may_enter(path: Path, account: Account | None) -> bool:
    """Tell whether ``account`` can pass through ``path`` and every folder above it (folders that exist)."""
    if account is None:
        return True
    resolved = path.resolve()
    return all(_passable(folder, account) for folder in (resolved, *resolved.parents) if folder.exists())


def _passable(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of ``path``."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def own_folder(path: Path, mode: int) -> Path:
    """Make a folder of ours in a place others can write to, and return it.

    Refuses one that somebody else prepared (owner, link, or writable by others): its content could be theirs.
    """
    try:
        path.mkdir(mode=mode, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise LaunchProblem(f"Cannot make the folder {path}: {error.strerror}.") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise LaunchProblem(f"{path} belongs to someone else or can be written by others: remove it and start again.")
    path.chmod(mode)
    return path
