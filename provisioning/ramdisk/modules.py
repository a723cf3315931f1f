"""The kernel's modules: which files the wanted ones need."""

from collections.abc import Iterable
from pathlib import Path

from provisioning.artefacts.programs import BuildFailed


def read_dependencies(text: str) -> dict[str, list[str]]:
    """Read a modules.dep: the path of each module to the paths that it needs."""
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {path: needed.split() for path, needed in lines}


def name_of(path: str) -> str:
    """Return a module's name; the kernel takes hyphen and underscore for the same."""
    return Path(path).name.split(".")[0].replace("-", "_")


def closure(wanted: Iterable[str], dependencies: dict[str, list[str]], built_in: str) -> list[str]:
    """Return the paths of the wanted modules and of all that they need; what is built in needs no file.

    Raises BuildFailed for a module that this kernel does not have.
    """
    by_name = {name_of(path): path for path in dependencies}
    inside = {name_of(line) for line in built_in.splitlines()}
    names = [name.replace("-", "_") for name in wanted]
    unknown = sorted(name for name in names if name not in by_name and name not in inside)
    if unknown:
        raise BuildFailed(f"the kernel has no module {', '.join(unknown)}")
    found: set[str] = set()
    open_ends = [by_name[name] for name in names if name in by_name]
    while open_ends:
        path = open_ends.pop()
        if path not in found:
            found.add(path)
            open_ends += dependencies.get(path, [])
    return sorted(found)
