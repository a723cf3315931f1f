"""What a process and all that it started have used, read from /proc (see proc(5)): seconds of processors, memory."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 1.0
"""Reading how memory is shared halts a process for a moment; more often than this it would slow what is measured."""
MIB = 1024


def _fields(pid: int) -> list[str]:
    """Return the fields of ``stat`` after the name, which may hold anything; none for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def children_of_all() -> dict[int, list[int]]:
    """Return who the children of each process are now."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and (fields := _fields(int(path.name))):
            children.setdefault(int(fields[1]), []).append(int(path.name))
    return children


def family(pid: int, children: Mapping[int, list[int]] | None = None) -> list[int]:
    """Return ``pid`` and all its descendants that live now, or lived when ``children`` were looked for."""
    children = children_of_all() if children is None else children
    found, ahead = [], [pid]
    while ahead:
        found.append(ahead.pop())
        ahead += children.get(found[-1], [])
    return found


def cpu_s(pid: int) -> float:
    """Return the seconds of processors that ``pid`` and its descendants, gone ones that were waited for too, used."""
    return sum(sum(map(int, fields[11:15])) for member in family(pid) if (fields := _fields(member))) / TICKS


def memory_mib(pid: int, children: Mapping[int, list[int]] | None = None) -> float:
    """Return the proportional memory of the ``family`` of ``pid`` in MiB: what forks share is counted once."""
    return sum(map(_pss_kib, family(pid, children))) / MIB


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class Peak:
    """The largest of some samples."""

    def __init__(self) -> None:
        """Begin with none."""
        self.mib = 0.0


@contextmanager
def watched(pids: Sequence[int]) -> Iterator[Peak]:
    """Sample the memory of each child of ``pids`` with its descendants while the block runs; the largest one counts."""
    peak, stop = Peak(), threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_S):
            children = children_of_all()
            for child in (child for pid in pids for child in children.get(pid, [])):
                peak.mib = max(peak.mib, memory_mib(child, children))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
