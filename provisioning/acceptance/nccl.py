"""``all_reduce_perf`` of nccl-tests: the table that it prints.

Its columns differ by version (older ones have no ``root``, and a deviation where newer ones count wrong results), so
they are found by the line that names them. Of a size that was reduced both out of place and in place the worse counts.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from provisioning.acceptance.collected import Unreadable, printable

BUS_BANDWIDTH, WRONG = "busbw", ("#wrong", "error")
_RANK = re.compile(
    r"# {1,8}Rank {1,8}([0-9]{1,6}) (?:Group {1,8}[0-9]{1,6} )?Pid {1,12}[0-9]{1,12} on {1,12}(\S{1,255}) "
)
_SIZE = re.compile(r"[0-9]{1,16}")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?(?:e[+-]?[0-9]{1,2})?")
_BOUNDS = re.compile(r"# Out of bounds values : ([0-9]{1,18}) (?:OK|FAILED)")
_AVERAGE = re.compile(r"# Avg bus bandwidth {1,8}: \S{1,40}")


@dataclass(frozen=True)
class Size:
    """How fast one size was reduced: bytes, and the bus bandwidth in GB/s as nccl-tests defines it."""

    size_bytes: int
    busbw: float


@dataclass(frozen=True)
class AllReduce:
    """One run: how many ranks each host had, and the sizes in ascending order. Every result was checked and right."""

    ranks: Mapping[str, int]
    sizes: tuple[Size, ...]

    @property
    def peak(self) -> float:
        """The highest bus bandwidth of any size, in GB/s."""
        return max(size.busbw for size in self.sizes)


def read_all_reduce(text: str) -> AllReduce:
    """Read what the tool printed. Raises Unreadable, for wrong results and for a table that ends too early as well."""
    lines = [line.strip() for line in text.splitlines()]
    heads = [place for place, line in enumerate(lines) if line.lstrip("#").split()[:3] == ["size", "count", "type"]]
    if len(heads) != 1:
        raise Unreadable("it has more than one table" if heads else "it has no table")
    columns = lines[heads[0]].lstrip("#").split()
    rows = [line.split() for line in lines[heads[0] + 1 :] if _SIZE.fullmatch(line.split(" ", 1)[0])]
    sizes = tuple(_size(columns, row) for row in rows)
    if not sizes or any(one.size_bytes >= other.size_bytes for one, other in pairwise(sizes)):
        raise Unreadable("its table has no sizes, or not in ascending order")
    _check_end(lines)
    return AllReduce(_ranks(lines), sizes)


def _size(columns: list[str], row: list[str]) -> Size:
    """Read a row. Raises Unreadable, where a result is wrong or was not checked too."""
    if len(row) != len(columns):
        raise Unreadable(f"the row of {printable(row[0], 20)} bytes is damaged")
    cells = list(zip(columns, row, strict=True))
    speeds = [_number(value) for name, value in cells if name == BUS_BANDWIDTH]
    checks = [(name, _number(value)) for name, value in cells if name in WRONG]
    if len(speeds) != 2 or len(checks) != 2:
        raise Unreadable("its table has not the columns that it should have")
    # Where it says how far off a result is, only the last lines tell whether that is too far.
    if any(value for name, value in checks if name == WRONG[0]):
        raise Unreadable(f"results of {printable(row[0], 20)} bytes are wrong")
    return Size(int(row[0]), min(speeds))


def _number(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise Unreadable(f"{printable(text, 20)} is no measurement")
    return value


def _check_end(lines: Iterable[str]) -> None:
    """Look at the last lines, without which the tool was not through. Raises Unreadable."""
    bounds = [match[1] for line in lines if (match := _BOUNDS.fullmatch(line))]
    if len(bounds) != 1 or not any(_AVERAGE.fullmatch(line) for line in lines):
        raise Unreadable("it ends before the tool was through")
    if int(bounds[0]):
        raise Unreadable(f"{int(bounds[0])} results are wrong")


def _ranks(lines: Iterable[str]) -> dict[str, int]:
    """Count the ranks by host. Raises Unreadable where one is missing or there twice."""
    found = [(int(match[1]), match[2]) for line in lines if (match := _RANK.match(line))]
    if sorted(number for number, _host in found) != list(range(len(found))):
        raise Unreadable("a rank is missing, or there twice")
    return dict(Counter(printable(host) for _number, host in found))
