"""The programs of the build machine: which are needed, which Debian package has each, and how they are run."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGES: dict[str, str] = {
    "fakeroot": "fakeroot",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mmdebstrap": "mmdebstrap",
    "mmd": "mtools",
    "objcopy": "binutils",
    "objdump": "binutils",
    "sgdisk": "gdisk",
    "tar": "tar",
    "xorriso": "xorriso",
    "zstd": "zstd",
}
"""Program to the Debian package that has it."""
MOST_CHARS = 300


class BuildFailed(Exception):
    """The artefact cannot be built; the message is one line for the person at the terminal."""


def found(name: str) -> str | None:
    """Return the path of a program; also where ordinary users' PATH lacks the administrator's folders."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def require(names: Iterable[str]) -> None:
    """Make sure that all programs are there. Raises BuildFailed naming the packages that are missing."""
    missing = sorted({PACKAGES[name] for name in names if found(name) is None})
    if missing:
        raise BuildFailed(f"programs are missing: apt-get install {' '.join(missing)}")


def run(*argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program and return its standard output. Raises BuildFailed with the line that it complained with."""
    program, *arguments = map(str, argv)
    command = [found(program) or program, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=env, cwd=cwd)
    except OSError as error:
        raise BuildFailed(f"{program} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise BuildFailed(f"{program} failed ({done.returncode}): {_reason(done.stderr or done.stdout)}")
    return done.stdout


def _reason(output: str) -> str:
    """Return the line that says what went wrong: the first one of an error, else the first."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "error"))]
    return [*errors, *lines, "no reason given"][0][:MOST_CHARS]
