"""Ramps: how many servers there are from when on, as lines that keep what was handed over. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from portal.core.periods import Period

_STEP = re.compile(r"([0-9]{1,4}) from ([0-9]{4}-[0-9]{2}-[0-9]{2})")


@dataclass(frozen=True)
class Rung:
    """From ``start`` on there are ``servers`` of them."""

    start: datetime
    servers: int


@dataclass(frozen=True)
class Part:
    """So many servers for one span: a line of the contract."""

    servers: int
    period: Period


def ramp(rungs: Sequence[Rung], end: datetime) -> list[Part]:
    """Return the lines of a ramp, the earliest start first: growth is a line more, what shrinks ends the latest one.

    So 8 from January and 16 from March are two lines of 8, and nobody moves in March. Raises ValueError for rungs out
    of order or at the end, and for fewer than no servers.
    """
    moments = [rung.start for rung in rungs] + [end]
    if any(later <= earlier for earlier, later in pairwise(moments)):
        raise ValueError("Each step begins after the one before it, and before the end.")
    if any(rung.servers < 0 for rung in rungs):
        raise ValueError("Give how many servers there are from then on: 0 or more.")
    running: list[tuple[int, datetime]] = []
    parts: list[Part] = []
    level = 0
    for rung in rungs:
        if rung.servers > level:
            running.append((rung.servers - level, rung.start))
        excess = max(level - rung.servers, 0)
        while excess:
            servers, since = running.pop()
            gone = min(servers, excess)
            parts.append(Part(gone, Period(since, rung.start)))
            excess -= gone
            if servers > gone:
                running.append((servers - gone, since))
        level = rung.servers
    parts.extend(Part(servers, Period(since, end)) for servers, since in running)
    return sorted(parts, key=lambda part: (part.period.start, part.period.end))


def rungs_of(text: str, servers: int, start: datetime) -> list[Rung]:
    """Read steps such as ``16 from 2027-03-01, 24 from 2027-06-01`` after a first one. Raises ValueError."""
    rungs = [Rung(start, servers)]
    for words in text.split(","):
        found = _STEP.fullmatch(words.strip())
        if found is None:
            raise ValueError("Write steps like: 16 from 2027-03-01, 24 from 2027-06-01.")
        rungs.append(Rung(datetime.strptime(found[2], "%Y-%m-%d").replace(tzinfo=UTC), int(found[1])))
    return rungs
