"""Choosing servers among free ones: pure, so that it can be tested against an oracle."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


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
