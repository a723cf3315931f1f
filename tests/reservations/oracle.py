"""Choosing servers among free ones: pure, so that it can be tested against an oracle."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby


@dataclass(frozen=True)
class FreeServer:
    """A server that is free for the whole of the asked window."""

    pk: int
    fabric_pk: int


def choose(free: Sequence[FreeServer], count: int, *, same_fabric: bool) -> list[int] | None:
    """Return the pks of ``count`` servers, or None when they do not fit.

    The fullest fabric that still fits is taken, so that large blocks stay whole for large requests; without that
    promise, what does not fit into one fabric spreads over as few as possible.
    """
    by_fabric: dict[int, list[int]] = defaultdict(list)
    for server in free:
        by_fabric[server.fabric_pk].append(server.pk)
    fitting = [pks for pks in by_fabric.values() if len(pks) >= count]
    if fitting:
        fullest = min(fitting, key=lambda pks: (len(pks), min(pks)))
        return sorted(fullest)[:count]
    if same_fabric or len(free) < count:
        return None
    chosen: list[int] = []
    for pks in sorted(by_fabric.values(), key=lambda pks: (-len(pks), min(pks))):
        chosen.extend(sorted(pks)[: count - len(chosen)])
    return sorted(chosen)


def most(free: Sequence[FreeServer], *, same_fabric: bool) -> int:
    """Return the largest count that ``choose`` would satisfy."""
    if not same_fabric:
        return len(free)
    sizes: dict[int, int] = defaultdict(int)
    for server in free:
        sizes[server.fabric_pk] += 1
    return max(sizes.values(), default=0)


@dataclass(frozen=True)
class Opening:
    """A server that can be taken at any instant from ``first`` to ``last``, both included, for as long as asked."""

    server: FreeServer
    first: datetime
    last: datetime


def first_begin(openings: Iterable[Opening], count: int, *, same_fabric: bool, after: datetime) -> datetime | None:
    """Return the earliest instant later than ``after`` at which an opening begins and ``count`` servers fit, or None.

    What fits grows only where an opening begins, so one walk over these instants finds it.
    """
    moment: datetime
    open_now: Counter[int] = Counter()
    ends: list[tuple[datetime, int]] = []
    ordered = sorted(openings, key=lambda opening: opening.first)
    for moment, beginning in groupby(ordered, key=lambda opening: opening.first):
        while ends and ends[0][0] < moment:
            open_now[heapq.heappop(ends)[1]] -= 1
        for opening in beginning:
            group = opening.server.fabric_pk if same_fabric else 0
            open_now[group] += 1
            heapq.heappush(ends, (opening.last, group))
        if moment > after and max(open_now.values()) >= count:
            return moment
    return None
