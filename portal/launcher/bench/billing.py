"""Closing a month: how long it takes for a fleet that was used all month, and whether that grows with it alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from portal.launcher.bench.bounds import BILLING, Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.fleet import SQL, Fleet, fill
from portal.launcher.problems import LaunchProblem

PARTS = (4, 2, 1)
"""Of the fleet that is asked for, so that growth is seen."""
MONTH = SQL / "month.sql"
FRESH = SQL / "month_open.sql"


class Closing:
    """Fleets whose customers had every server all of last month, closed in rounds."""

    def __init__(self, cluster: Cluster, servers: int, rounds: int, say: Callable[[str], None]) -> None:
        """Say what is to be measured; ``go`` does it."""
        self._cluster, self._rounds, self._say = cluster, rounds, say
        self.sizes = sorted({max(8, servers // part) for part in PARTS})

    def go(self) -> Results:
        """Measure every size in every round. Raises LaunchProblem where what came of it is not right."""
        results = Results(BILLING)
        fleets = [self._filled(size) for size in self.sizes]
        for number in range(1, self._rounds + 1):
            self._say(f"round {number} of {self._rounds}")
            took = [self._close(fleet, results) for fleet in fleets]
            results.add("close", took[-1])
            each = [seconds / fleet.servers for seconds, fleet in zip(took, fleets, strict=True)]
            results.add("close_growth", each[-1] / each[0])
        return results

    def _filled(self, size: int) -> Fleet:
        self._say(f"filling a fleet of {size:,} servers")
        fleet = fill(self._cluster, size, pools=1, held=1)
        used = self._cluster.root / f"{fleet.database}.used"
        if not used.exists():
            self._run(fleet, MONTH)
            used.touch()
        return fleet

    def _close(self, fleet: Fleet, results: Results) -> float:
        self._run(fleet, FRESH)
        found: dict[str, Any] = self._cluster.portal("close_month", fleet.database)
        expected = {"servers": fleet.servers, "records": 2 * fleet.servers, "off": {}}
        if {name: found[name] for name in expected} != expected:
            raise LaunchProblem(f"closing the month of {fleet.servers:,} servers left {found}, not {expected}")
        seconds: float = found["seconds"]
        results.time("close, seconds", fleet.name, seconds)
        results.time("invoices", fleet.name, found["invoices"])
        results.time("lines", fleet.name, found["lines"])
        return seconds

    def _run(self, fleet: Fleet, script: Path) -> None:
        with self._cluster.connect(fleet.database) as connection:
            connection.execute(script.read_bytes(), prepare=False)


def sizes_of(asked: Sequence[int] | None) -> int:
    """Return the size of the fleet that a run is about: the largest that was asked for."""
    return max(asked) if asked else 10_000
