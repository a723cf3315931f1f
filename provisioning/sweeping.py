"""Asking the BMCs of all handed-over servers within a sweep's time: power of each one, then the rest of some.

Power is one request, and is read each minute. What else a BMC tells takes several and is read every other minute, those
that were not read for the longest time first: a sample stands for five minutes, so that one may be missed.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
from django.core.exceptions import ObjectDoesNotExist

from portal.fleet.models import Server
from portal.reservations.models import Allocation
from portal.sla.definitions import Condition, Kind
from portal.sla.models.evidence import Source
from portal.sla.selectors import last_seen
from provisioning.credentials import login_of
from provisioning.hardware import Seen, begin_of
from provisioning.host_logger import Unreadable, make_client
from provisioning.redfish import Asking, OutOfTime, Resource
from provisioning.watching import SLOW, Watched, watch

log = logging.getLogger(__name__)

BMCS_AT_ONCE = 16
BUDGET_S = 40
"""After so long a sweep begins no more requests to BMCs: those that are left are the first of the next one."""
EVERY = timedelta(seconds=100)
"""What was read so long ago is read again: every second sweep of a minute."""

Told = dict[int, dict[Kind, Seen]]
Taken = TypeVar("Taken")


def look_at(rows: Sequence[Allocation], at: datetime) -> Told:
    """Return what the BMCs say, by the pks of servers; nothing of those that there was no time for."""
    deadline = time.monotonic() + BUDGET_S
    try:
        http = make_client()
    except OSError as error:
        log.error("no BMC can be read: %s", error)
        return {}
    with http, ThreadPoolExecutor(BMCS_AT_ONCE) as pool:
        jobs = [_Job(http, row.server, deadline) for row in rows]
        systems: dict[_Job, Resource | str] = dict(_batches(pool, _Job.read_system, jobs, deadline))
        told: Told = {job.server.pk: {Kind.POWER: power_of(system)} for job, system in systems.items()}
        on = {
            job.server.pk: (job, system)
            for job, system in systems.items()
            if isinstance(system, dict) and power_of(system)[0] == Condition.UP
        }
        for job, seen in _batches(pool, _Job.watch, _due(rows, on, at), deadline):
            told[job.server.pk].update(seen)
    return told


class _Job:
    """One server whose BMC is asked. Threads know nothing of the database: what is wanted of it is read before."""

    def __init__(self, http: httpx.Client, server: Server, deadline: float) -> None:
        self.server = server
        self.path = f"/redfish/v1/Systems/{server.system_uuid}"
        self.watched: Watched | None = None
        self.asking: Asking | None = None
        self.problem = ""
        try:
            self.asking = Asking(http, server.bmc.address, login_of(server.bmc), deadline)
        except (ObjectDoesNotExist, ValueError) as error:
            self.problem = str(error)

    def read_system(self) -> Resource | str | None:
        """Return the system, why it cannot be read, or nothing where there is no time."""
        if self.asking is None:
            return self.problem
        try:
            return self.asking.get(self.path)
        except Unreadable as error:
            return str(error)
        except OutOfTime:
            return None

    def watch(self) -> Mapping[Kind, Seen]:
        """Return what the BMC says of all that is not power."""
        return {} if self.asking is None or self.watched is None else watch(self.asking, self.watched)


def _batches(
    pool: ThreadPoolExecutor, ask: Callable[[_Job], Taken | None], jobs: Sequence[_Job], deadline: float
) -> Iterator[tuple[_Job, Taken]]:
    """Yield what jobs come to, some at a time, until there is no time left."""
    for start in range(0, len(jobs), BMCS_AT_ONCE):
        if time.monotonic() > deadline:
            return
        batch = jobs[start : start + BMCS_AT_ONCE]
        for job, taken in zip(batch, pool.map(ask, batch), strict=True):
            if taken is not None:
                yield job, taken


def _due(rows: Sequence[Allocation], on: Mapping[int, tuple[_Job, Resource]], at: datetime) -> list[_Job]:
    """Return the servers that are on and were not read for EVERY, those that wait for the longest time first."""
    last = last_seen(servers=on, kind=SLOW[-1], source=Source.BMC)
    due = []
    for row in rows:
        server, known = row.server, last.get(row.server_id)
        if row.server_id in on and (known is None or at - known >= EVERY):
            job, system = on[row.server_id]
            macs = [nic.mac for nic in server.nics.all()]
            since = begin_of(row.ready_at, system)
            job.watched = Watched(str(server.system_uuid), server.server_type.gpu_count, macs, since)
            due.append((known is not None, known or at, job))
    return [job for *_, job in sorted(due, key=lambda one: one[:2])]


def power_of(system: Resource | str) -> Seen:
    """Return what a BMC says of its server's power; ``system`` is why it cannot be read where it is a text."""
    if isinstance(system, str):
        return Condition.UNKNOWN, f"the BMC does not say: {system}"
    state = system.get("PowerState")
    if state == "On":
        return Condition.UP, ""
    if state in ("Off", "PoweringOff"):
        return Condition.DOWN, "power is off"
    return Condition.UNKNOWN, f"power is {str(state)[:40]}"
