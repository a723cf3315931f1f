"""How dear handing servers over is: the whole portal beside a plain ``ansible-playbook`` of the same playbooks."""

import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from portal.launcher.bench.bounds import PROVISIONING, Results
from portal.launcher.bench.processes import cpu_s, watched
from portal.launcher.bench.yard import Yard

COUNTS = (1, 8, 64, 256)
MEMORY_AT = 64
WARM = 8
"""So many at most are handed over before anything counts."""
SPARES_PERCENT = 20
"""The pool is larger than what is handed over at most: some servers are held back as spares."""


class HandingOver:
    """Rounds over the counts of servers on one yard, telling people about itself through ``say``."""

    def __init__(self, yard: Yard, counts: Sequence[int], rounds: int, say: Callable[[str], None]) -> None:
        """Prepare."""
        self.yard, self.counts, self.rounds, self.say = yard, sorted(counts), rounds, say
        self.results = Results(PROVISIONING)
        self.began = time.monotonic()

    def go(self) -> Results:
        """Do the rounds; return the figures. Raises LaunchProblem."""
        # The first hand-over makes what later ones find, as plain Ansible, which comes second, always does.
        self.yard.give_back(self.yard.hand_over(min(WARM, max(self.counts)))[0])
        for number in range(self.rounds):
            found = [self._pair(count) for count in self.counts]
            self.results.add("wall", max(pair["wall"] / pair["plain_wall"] for pair in found))
            self.results.add("cpu", max(pair["cpu"] / pair["plain_cpu"] for pair in found))
            self._note_growth(found)
            self.say(
                f"  {time.monotonic() - self.began:6.1f} s  round {number + 1} of {self.rounds}"
                f"  (load {os.getloadavg()[0]:.1f})"
            )
        return self.results

    def _pair(self, count: int) -> dict[str, float]:
        """Hand servers over by the portal and then the same ones plainly."""
        before = self._cpu_s()
        with watched(self.yard.workers) as peak:
            reservation, wall = self.yard.hand_over(count)
        cpu = self._cpu_s() - before
        self.yard.give_back(reservation)
        plain = self._plainly(reservation)
        self.say(
            f"  {time.monotonic() - self.began:6.1f} s  {count} servers: {wall:.1f} s against {plain['wall_s']:.1f} s,"
            f" processors {cpu:.1f} s against {plain['cpu_s']:.1f} s, memory {peak.mib:.0f} MiB"
        )
        for work, figure in (
            ("portal: seconds", wall),
            ("plain: seconds", plain["wall_s"]),
            ("portal: processor seconds of the workers", cpu),
            ("plain: processor seconds", plain["cpu_s"]),
            ("memory of a worker, MiB", peak.mib),
        ):
            self.results.time(work, str(count), figure)
        if count == min(self.counts, key=lambda size: abs(size - MEMORY_AT)):
            self.results.add("memory", peak.mib)
        return {"count": count, "wall": wall, "plain_wall": plain["wall_s"], "cpu": cpu, "plain_cpu": plain["cpu_s"]}

    def _cpu_s(self) -> float:
        return sum(map(cpu_s, self.yard.workers))

    def _plainly(self, reservation: str) -> dict[str, Any]:
        operation = self.yard.child("bench_child", "queue_again", json.dumps({"reservation": reservation}))
        took: dict[str, Any] = self.yard.child("play_plainly", operation)
        self.yard.child("bench_child", "call_off", json.dumps({"operation": operation}))
        return took

    def _note_growth(self, found: Sequence[dict[str, float]]) -> None:
        each = []
        for smaller, larger in pairwise(found):
            each.append((larger["cpu"] - smaller["cpu"]) / (larger["count"] - smaller["count"]))
            self.results.time("processor seconds of each further server", f"{larger['count']:.0f}", each[-1])
        if len(each) > 1:
            self.results.add("flat", each[-1] / each[-2])


def servers_for(counts: Sequence[int]) -> int:
    """Return how many servers a pool needs so that the largest count can be had beside its spares."""
    return max(counts) * (100 + SPARES_PERCENT) // 100 + 8
