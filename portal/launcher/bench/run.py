"""One run of the benchmark: fleets, rounds, and what came of it."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.launcher.bench import growth, rounds
from portal.launcher.bench.bounds import Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.fleet import Fleet, fill
from portal.launcher.bench.pgbench import Generator
from portal.launcher.bench.rounds import Effort
from portal.launcher.bench.stampede import Stampede

BLAZAR_MS = 5_559
"""Blazar's create_lease of 8 hosts among 1,000 with 10 leases each, measured once on a quiet machine; not run here."""
JUDGED = 10_000
"""The fleet that most bounds are about; without it, the largest there is."""
SCARCE = 200
CONTRADICTIONS = """
SELECT (SELECT count(*) FROM reservations_reservation r WHERE r.requested_by = 'bench' AND r.state = 'scheduled'
        AND r.count <> (SELECT count(*) FROM reservations_allocation a WHERE a.reservation_id = r.id))
     + (SELECT count(*) FROM calendar_faults(now()))
     + (SELECT count(*) FROM reservations_freespan f JOIN reservations_allocation a
        ON a.server_id = f.server_id AND a.occupied && tstzrange(f.lo, f.hi)
        AND a.state IN ('booked', 'serving', 'cleaning'))
"""


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sizes: Sequence[int]
    rounds: int
    effort: Effort = field(default_factory=Effort)


class Run:
    """A run on a started cluster, telling people about itself through ``say``."""

    def __init__(self, cluster: Cluster, plan: Plan, say: Callable[[str], None]) -> None:
        """Prepare a run."""
        self.cluster, self.plan, self.say = cluster, plan, say
        self.results = Results()
        self.load = Generator(cluster)
        self.began = time.monotonic()

    def go(self) -> Results:
        """Fill the fleets, do the rounds, look for contradictions; return the figures. Raises LaunchProblem."""
        self.fleets = [self._fill(size) for size in self.plan.sizes]
        wide = self._fill(max(fleet.servers for fleet in self._judged()), pools=1, held=0)
        scarce = self._fill(min(SCARCE, wide.servers), pools=1, held=0)
        stampede = Stampede(self.cluster, self.load, wide, scarce)
        self.load.crowd(scarce.database, _filler(scarce), 8, self.plan.effort.seconds)
        for number in range(self.plan.rounds):
            self._round(stampede)
            self._done(f"round {number + 1} of {self.plan.rounds}")
        self.results.add("faults", sum(self._faults(fleet) for fleet in (*self._judged(), wide, scarce)))
        self._done("checked: no contradiction" if not self.results.figures["faults"][-1] else "CONTRADICTIONS FOUND")
        return self.results

    def _judged(self) -> list[Fleet]:
        exact = [fleet for fleet in self.fleets if fleet.servers == JUDGED]
        return exact or [max(self.fleets, key=lambda fleet: fleet.servers)]

    def _fill(self, servers: int, **shape: int) -> Fleet:
        fleet = fill(self.cluster, servers, **shape)
        pools = "one empty pool" if shape else f"{fleet.allocations:,} allocations"
        self._done(f"{servers:,} servers, {pools}")
        return fleet

    def _done(self, what: str) -> None:
        self.say(f"  {time.monotonic() - self.began:6.1f} s  {what}  (load {os.getloadavg()[0]:.1f})")

    def _round(self, stampede: Stampede) -> None:
        effort, results = self.plan.effort, self.results
        for fleet in self.fleets:
            rounds.read(self.load, fleet, effort, results, judged=fleet in self._judged())
        for fleet in self.fleets:
            rounds.write(self.cluster, self.load, fleet, effort, results, judged=fleet in self._judged())
        growth.compare(self.cluster, self.load, self.fleets, effort, results)
        stampede.run(effort, results)
        self._through_django()
        rounds.restore(self.cluster, [*self.fleets, stampede.wide, stampede.scarce])

    def _through_django(self) -> None:
        found: list[dict[str, Any]] = []
        for fleet in self.fleets:
            asked = {"world": fleet.world, "since": fleet.since, "most": fleet.block, "times": self.plan.effort.books}
            took = self.cluster.portal("through_django", fleet.database, **asked)
            found.append(took["statements"])
            for name in ("post", "raw", "listing", "raw_listing"):
                self.results.time(f"django: {name}", fleet.name, took[name])
            if fleet in self._judged():
                self.results.add("post", took["post"] / took["raw"])
                self.results.add("listing", took["listing"] / took["raw_listing"])
                self.results.add("blazar", BLAZAR_MS / took["post"])
        numbers = [number for statements in found for number in statements.values()]
        self.results.add("statements", max(numbers) - min(numbers))
        self.results.time("SQL statements of a booking", "any", max(numbers))

    def _faults(self, fleet: Fleet) -> int:
        with self.cluster.connect(fleet.database) as connection:
            row = connection.execute(CONTRADICTIONS).fetchone()
        return int(row[0]) if row else 1


def _filler(fleet: Fleet) -> str:
    """Book single servers until little is left: so the scarce pool is scarce from the first round on."""
    return (
        "\\set start random(24, 2016)\n"
        f"SELECT bench_book(ARRAY[1]::bigint[], 8, to_timestamp({fleet.since} + :start * 3600), "
        f"to_timestamp({fleet.since} + (:start + 98) * 3600));\n"
    )
