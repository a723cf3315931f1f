"""The shared libraries that programs want, looked up in an unpacked tree of Debian packages."""

import re
from collections.abc import Iterable
from pathlib import Path

from provisioning.artefacts.programs import BuildFailed, run

FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib")
LOADER = "lib64/ld-linux-x86-64.so.2"


def wanted_by(path: Path) -> list[str]:
    """Return the names of the libraries that one ELF file asks for; a static program asks for none."""
    return re.findall(r"^\s+NEEDED\s+(\S+)$", run("objdump", "-p", path), re.MULTILINE)


def closure(stage: Path, programs: Iterable[str]) -> dict[str, Path]:
    """Return what the programs and their libraries want: name to file. Raises BuildFailed for one that is missing."""
    found: dict[str, Path] = {}
    open_ends = [stage / program for program in programs]
    while open_ends:
        for name in wanted_by(open_ends.pop()):
            if name not in found:
                found[name] = _locate(stage, name)
                open_ends.append(found[name])
    return found


def _locate(stage: Path, name: str) -> Path:
    for folder in FOLDERS:
        path = stage / folder / name
        if path.is_symlink():
            # An absolute link means the tree that it is in, not the build machine.
            target = path.readlink()
            path = stage / str(target).lstrip("/") if target.is_absolute() else path.parent / target
        if path.is_file():
            return path
    raise BuildFailed(f"no package has the library {name}")
