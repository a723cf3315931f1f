"""How work grows with the fleet: two fleets are measured in turn, so that both meet the same moments."""

from collections.abc import Sequence

from portal.launcher.bench import scripts
from portal.launcher.bench.bounds import Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.fleet import Fleet
from portal.launcher.bench.pgbench import WARM_UP, Generator, Load
from portal.launcher.bench.rounds import Effort, next_id, reads_of

TURNS = 12
"""How often one fleet hands over to the other within a round."""
READS = (
    ("grow_starts", "starts_8", 1_000, 100_000),
    ("grow_calendar", "calendar", 1_000, 100_000),
    ("grow_rack", "rack", 10_000, 100_000),
    ("grow_rack_none", "rack_none", 10_000, 100_000),
)
BOOKINGS = (
    ("grow_64", 64, 10_000, 100_000),
    ("grow_1", 1, 1_000, 100_000),
)


def compare(cluster: Cluster, load: Generator, fleets: Sequence[Fleet], effort: Effort, results: Results) -> None:
    """Note how a round's times grow with the fleet, for each pair of fleets that there is."""
    known = {fleet.servers: fleet for fleet in fleets}
    for bound, work, small, large in READS:
        if small in known and large in known:
            pair = known[small], known[large]
            results.add(bound, _growth(load, pair, [reads_of(fleet)[work] for fleet in pair], effort.reads))
    for bound, count, small, large in BOOKINGS:
        if small in known and large in known:
            pair = known[small], known[large]
            results.add(bound, _growth(load, pair, [scripts.book(fleet, count) for fleet in pair], effort.books))
            for fleet in pair:
                _call_off(cluster, load, fleet, effort.books)


def _growth(load: Generator, pair: Sequence[Fleet], works: Sequence[str], count: int) -> float:
    """Return how much longer some work takes on the second fleet than on the first."""
    took: list[list[float]] = [[], []]
    for _ in range(TURNS):
        for fleet, work, latencies in zip(pair, works, took, strict=True):
            latencies.extend(load.calls(fleet.database, work, count // TURNS).latencies)
    small, large = (Load(latencies, 0).median for latencies in took)
    return large / small


def _call_off(cluster: Cluster, load: Generator, fleet: Fleet, count: int) -> None:
    made = TURNS * (count // TURNS + WARM_UP)
    load.calls(fleet.database, scripts.CANCEL, made - WARM_UP, id=next_id(cluster, fleet))
