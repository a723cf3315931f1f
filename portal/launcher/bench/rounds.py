"""One client at a time: reads, bookings, what ends them, and how all of it grows with the fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.launcher.bench import scripts
from portal.launcher.bench.bounds import BOUNDS, Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.fleet import Fleet
from portal.launcher.bench.pgbench import Generator

NO_RACK = 33
"""More servers than a rack has."""


@dataclass(frozen=True)
class Effort:
    """How often things are done: reads and bookings of a round, and seconds of a stampede."""

    reads: int = 200
    books: int = 40
    seconds: int = 5


def reads_of(fleet: Fleet) -> Mapping[str, str]:
    """Return the reads that are measured against that of a key."""
    block = fleet.block
    return {
        "search": scripts.search(fleet, block),
        "rack": scripts.rack(fleet, min(8, block)),
        "rack_none": scripts.rack(fleet, NO_RACK),
        "starts": scripts.next_starts(fleet, block),
        "calendar": scripts.ninety_days(fleet),
        "starts_8": scripts.next_starts(fleet, min(8, block)),
        "choose": scripts.choose(fleet, block),
    }


def read(load: Generator, fleet: Fleet, effort: Effort, results: Results, *, judged: bool) -> None:
    """Measure the reads of a round, each in turn with a key's; they are bounds where the fleet is the one meant."""
    for work, script in reads_of(fleet).items():
        pair = load.in_turn(fleet.database, [scripts.key_read(fleet), script], effort.reads)
        key, took = (half.median for half in pair)
        results.time("key", fleet.name, key)
        results.time(work, fleet.name, took)
        if judged and work in BOUNDS:
            results.add(work, took / key)


def write(cluster: Cluster, load: Generator, fleet: Fleet, effort: Effort, results: Results, *, judged: bool) -> None:
    """Measure bookings of a round, each beside a plain insert; each is called off again: every round finds the same."""
    count, block = effort.books, fleet.block
    works = load.in_turn(fleet.database, [scripts.plain(fleet, block), *scripts.life(fleet, block)], count)
    plain, place, shorten, cancel = (work.median for work in works)
    if judged:
        pair = load.in_turn(fleet.database, [scripts.key_read(fleet), scripts.search(fleet, block)], effort.reads)
        results.add("search_churn", pair[1].median / pair[0].median)
    single = load.calls(fleet.database, scripts.book(fleet, 1), count).median
    load.calls(fleet.database, scripts.CANCEL, count, id=next_id(cluster, fleet))
    for work, took in (
        ("plain", plain),
        ("place", place),
        ("shorten", shorten),
        ("cancel", cancel),
        ("place_1", single),
    ):
        results.time(work, fleet.name, took)
    if judged:
        results.add("place", place / plain)
        results.add("shorten", shorten / place)
        results.add("cancel", cancel / place)


def next_id(cluster: Cluster, fleet: Fleet) -> int:
    """Return the id after that of the latest booking."""
    with cluster.connect(fleet.database) as connection:
        row = connection.execute("SELECT max(id) + 1 FROM reservations_reservation").fetchone()
    return int(row[0]) if row else 0


def restore(cluster: Cluster, fleets: Sequence[Fleet]) -> None:
    """Fold and vacuum what a round left, as the portal's sweeps and autovacuum would in a while."""
    for fleet in fleets:
        with cluster.connect(fleet.database) as connection:
            connection.execute("SELECT calendar_fold(10000000)")
            for table in ("reservations_freespan", "reservations_timelinestep", "reservations_allocation"):
                connection.execute(f"VACUUM (ANALYZE) {table}".encode())
