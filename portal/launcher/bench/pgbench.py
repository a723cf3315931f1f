"""PostgreSQL's own load generator, which lies beside the server: a client in C, so that it measures the server."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.launcher import pg_binaries
from portal.launcher.bench.cluster import Cluster
from portal.launcher.postgres import SUPERUSER
from portal.launcher.problems import LaunchProblem

WARM_UP = 20
"""First calls of a session, in which it fills its caches: they are not counted."""
START_UP_S = 1.0
"""So long all clients of a crowd plan their statements at once; the portal's sessions live on, so it is not counted."""


@dataclass(frozen=True)
class Load:
    """What a run of the generator saw: milliseconds of each transaction, in order of their end."""

    latencies: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Transactions a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the time within which ``share`` of the transactions ended."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def median(self) -> float:
        """The time within which half of them ended."""
        return self.percentile(0.5)


class Generator:
    """Runs scripts against the databases of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Find the program. Raises LaunchProblem where it is missing."""
        self.binaries = pg_binaries.find(wanted_major=cluster.major)
        self.program = self.binaries.folder / "pgbench"
        self.sockets = cluster.server.sockets
        if not self.program.is_file():
            raise LaunchProblem(f"There is no pgbench in {self.binaries.folder}: the benchmark needs it.")

    def calls(self, database: str, script: str, count: int, **variables: int) -> Load:
        """Run a script ``count`` times, and WARM_UP times before, one after the other in one session."""
        options = [f"-D{name}={number}" for name, number in variables.items()]
        load = self._run(database, script, ["-c", "1", "-t", str(count + WARM_UP), *options])
        return Load(load.latencies[WARM_UP:], load.seconds)

    def in_turn(self, database: str, pieces: Sequence[str], count: int) -> list[Load]:
        """Run scripts one after the other in one session, ``count`` times round: all of them meet the same moments."""
        branches = "".join(f"\\{'elif' if turn else 'if'} :turn = {turn}\n{piece}" for turn, piece in enumerate(pieces))
        script = f"\\set turn (:turn + 1) % {len(pieces)}\n{branches}\\endif\n"
        times = len(pieces) * (count + WARM_UP)
        load = self._run(database, script, ["-c", "1", "-t", str(times), "-Dturn=-1"])
        return [
            Load(load.latencies[WARM_UP * len(pieces) + turn :: len(pieces)], load.seconds)
            for turn in range(len(pieces))
        ]

    def crowd(self, database: str, script: str, clients: int, seconds: int) -> Load:
        """Run a script by many clients at once for some seconds. Raises LaunchProblem if any of them sees an error."""
        seconds += round(START_UP_S)
        return self._run(database, script, ["-c", str(clients), "-j", "2", "-T", str(seconds)], skipped=START_UP_S)

    def rush(self, database: str, script: str, clients: int, each: int) -> Load:
        """Run a script by many clients at once, ``each`` times by every client, who counts in ``ask``."""
        return self._run(database, script, ["-c", str(clients), "-j", "2", "-t", str(each), "-Dask=0"])

    def _run(self, database: str, script: str, options: Sequence[str], skipped: float = 0) -> Load:
        with tempfile.TemporaryDirectory(prefix="metalyard-bench-") as folder:
            written = Path(folder, "script.sql")
            written.write_text(script)
            argv = [str(self.program), "-n", "-M", "prepared", "-h", str(self.sockets), "-U", SUPERUSER]
            argv += [*options, "-f", str(written), "-l", "--log-prefix", str(Path(folder, "log")), database]
            done = subprocess.run(argv, env=self.binaries.env(), capture_output=True, text=True, check=False)
            ends = _ends(Path(folder))
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        if done.returncode != 0 or rate is None or not ends:
            raise LaunchProblem(f"pgbench failed on {database}:\n{script}\n{done.stderr[-2000:]}")
        began = min(end - took for end, took in ends)
        latencies = [took * 1000 for end, took in ends if end - took >= began + skipped]
        return Load(latencies, len(ends) / float(rate[1]) - skipped)


def _ends(folder: Path) -> list[tuple[float, float]]:
    """Read from the logs when each transaction ended and how long it took, both in seconds, in order of the ends.

    A line has client, transaction, microseconds, script, second and microsecond of the end.
    """
    rows = [line.split() for log in folder.glob("log.*") for line in log.read_text().splitlines()]
    return sorted((int(row[4]) + int(row[5]) / 1e6, int(row[2]) / 1e6) for row in rows)
