"""Many clients at once: a stampede on one pool with its timeline read meanwhile, a scarce pool, and an exact fit."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.launcher.bench import scripts
from portal.launcher.bench.bounds import Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.fleet import Fleet
from portal.launcher.bench.pgbench import Generator, Load
from portal.launcher.bench.rounds import Effort
from portal.reservations.leavings import CLEAR, HAS_PILED_UP

CLIENTS = 32
MANY_CLIENTS = 64
ASKS = 256
FOLD_EVERY_S = 0.5
FREE_DAY = 1000
"""Days from the fleet's first: nothing is booked there, and each round takes two days of its own."""


@dataclass
class Folder:
    """Puts the timeline together every half second, as the portal's beat does, and looks how often it manages."""

    cluster: Cluster
    database: str
    ends: list[float] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work beside what is done inside."""
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._run)
            try:
                yield
            finally:
                self.done.set()
                work.result()

    def _run(self) -> None:
        with self.cluster.connect(self.database) as connection:
            self.ends.append(time.monotonic())
            while not self.done.wait(FOLD_EVERY_S):
                connection.execute("SELECT calendar_fold(1000000)")
                if connection.execute(HAS_PILED_UP).fetchone() == (True,):
                    connection.execute(CLEAR)
                self.ends.append(time.monotonic())

    @property
    def longest_ms(self) -> float:
        """The longest time between two ends, in which what was booked first waited to be put together."""
        return max((b - a for a, b in zip(self.ends, self.ends[1:], strict=False)), default=0) * 1000


class Stampede:
    """The crowds of a run: a wide pool and a scarce one."""

    def __init__(self, cluster: Cluster, load: Generator, wide: Fleet, scarce: Fleet) -> None:
        """Take down where things are done."""
        self.cluster, self.load, self.wide, self.scarce = cluster, load, wide, scarce
        self.rounds = 0

    def run(self, effort: Effort, results: Results) -> None:
        """Do a round: the stampede between its baselines, the scarce pool, the exact fit."""
        self.rounds += 1
        plain = self._crowd(scripts.plain_stampede(self.wide), CLIENTS, effort)
        booked = self._stampede(effort, results)
        alone = self._crowd(scripts.stampede(self.wide, "bench_book_alone"), CLIENTS, effort)
        results.add("stampede", 100 * booked.rate / plain.rate)
        results.add("stampede_lock", booked.rate / alone.rate)
        results.add("stampede_tail", booked.percentile(0.99) / booked.median)
        scarce = self.load.crowd(self.scarce.database, scripts.stampede(self.scarce), MANY_CLIENTS, effort.seconds)
        results.add("scarce", scarce.rate / booked.rate)
        results.add("scarce_tail", scarce.percentile(0.99))
        results.add("exact", self._exact())
        for name, load in (("plain", plain), ("bookings", booked), ("pool lock", alone), ("scarce", scarce)):
            results.time(f"{name} a second", self.wide.name, load.rate)
            results.time(f"{name}, p99", self.wide.name, load.percentile(0.99))

    def _crowd(self, script: str, clients: int, effort: Effort) -> Load:
        return self.load.crowd(self.wide.database, script, clients, effort.seconds)

    def _stampede(self, effort: Effort, results: Results) -> Load:
        """Book by a crowd while the timeline is folded; then once more while it is read, which slows the crowd."""
        script = scripts.stampede(self.wide)
        folder = Folder(self.cluster, self.wide.database)
        with folder.working():
            booked = self._crowd(script, CLIENTS, effort)
            with ThreadPoolExecutor(1) as pool:
                crowd = pool.submit(self._crowd, script, CLIENTS, effort)
                self._read(results, effort)
                crowd.result()
        results.add("fold", folder.longest_ms)
        return booked

    def _read(self, results: Results, effort: Effort) -> None:
        """Read in turn with a key, so that both wait for a core behind the crowd alike."""
        names = ("starts_busy", "calendar_busy")
        pieces = [
            scripts.key_server(self.wide),
            scripts.next_starts(self.wide, self.wide.block),
            scripts.ninety_days(self.wide),
        ]
        key, *reads = self.load.in_turn(self.wide.database, pieces, effort.reads)
        for name, load in zip(names, reads, strict=True):
            results.time(name, self.wide.name, load.median)
            results.add(name, load.median / key.median)

    def _exact(self) -> float:
        """Return the percentage of asks for exactly all servers that were served, with every server sold."""
        asks = min(ASKS, self.wide.servers)
        clients = min(CLIENTS, asks)
        day = FREE_DAY + 2 * self.rounds
        self.load.rush(
            self.wide.database, scripts.exact(self.wide, asks, asks // clients, day), clients, asks // clients
        )
        with self.cluster.connect(self.wide.database) as connection:
            row = connection.execute(
                "SELECT count(*), sum(count) FROM reservations_reservation WHERE requested_by = 'bench' "
                "AND lower(period) = to_timestamp(%s)",
                [self.wide.since + day * 86400 + 3600],
            ).fetchone()
        served, sold = row or (0, 0)
        return 100 * served / asks if sold == self.wide.servers else 0.0
