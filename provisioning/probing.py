"""Seeing from outside and out of band whether handed-over servers work: a connection to SSH, and what the BMCs say.

A probe that fails by itself says nothing of a server: what we cannot tell is unknown, never down.
"""

import asyncio
import errno
import time
from collections.abc import Sequence
from itertools import chain

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.models import Allocation
from portal.reservations.states import AllocationState
from portal.sla.definitions import Condition, Kind
from portal.sla.models.evidence import Source
from portal.sla.services.evidence import Sample, note_samples
from provisioning.hardware import Seen
from provisioning.sweeping import Told, look_at

CONNECT_S = 3
CONNECTIONS_AT_ONCE = 100
OURS = (errno.ENETUNREACH, errno.ENETDOWN, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS)
"""Errors of this host's own network."""


def probe_servers() -> int:
    """Probe all servers that are handed over; return how many there were."""
    rows = _handed_over()
    if not rows:
        return 0
    at = clock.now()
    servers = [row.server for row in rows]
    told = look_at(rows, at)
    answers = asyncio.run(_answers_of(servers))
    reached = {server.pk: answer for server, answer in zip(servers, answers, strict=True)}
    for region in {server.region_id for server in servers}:
        pks = [server.pk for server in servers if server.region_id == region]
        heard = [reached[pk][0] == Condition.UP or _power_of(told, pk) != Condition.UNKNOWN for pk in pks]
        if not any(heard):
            # Nothing there answers at all: as likely as not it is we who are cut off.
            reached.update(dict.fromkeys(pks, (Condition.UNKNOWN, "nothing in the region answers this worker")))
    samples = [Sample(pk, Kind.REACHABLE, *seen) for pk, seen in reached.items()]
    note_samples(samples=samples, source=Source.PROBE, at=at)
    by_bmc = chain.from_iterable([Sample(pk, kind, *one) for kind, one in seen.items()] for pk, seen in told.items())
    note_samples(samples=list(by_bmc), source=Source.BMC, at=at)
    return len(servers)


def _power_of(told: Told, pk: int) -> Condition:
    return told.get(pk, {}).get(Kind.POWER, (Condition.UNKNOWN, ""))[0]


def _handed_over() -> list[Allocation]:
    """Return what tenants have, beginning with another server each time: there may not be time for all BMCs."""
    rows = list(
        Allocation.objects.filter(state=AllocationState.SERVING)
        .select_related("server__bmc", "server__server_type")
        .prefetch_related("server__nics")
        .order_by("pk")
    )
    if not rows:
        return []
    first = int(time.monotonic()) % len(rows)
    return rows[first:] + rows[:first]


async def _answers_of(servers: Sequence[Server]) -> list[Seen]:
    gate = asyncio.Semaphore(CONNECTIONS_AT_ONCE)
    return await asyncio.gather(*(_answer_of(server, gate) for server in servers))


async def _answer_of(server: Server, gate: asyncio.Semaphore) -> Seen:
    """Return whether a server answers at its SSH port. One that refuses the connection is there."""
    async with gate:
        try:
            connecting = asyncio.open_connection(str(server.ssh_host), server.ssh_port)
            _, writer = await asyncio.wait_for(connecting, CONNECT_S)
        except ConnectionRefusedError:
            return Condition.UP, "port closed"
        except TimeoutError:
            return Condition.DOWN, f"no answer in {CONNECT_S} s"
        except OSError as error:
            is_ours = error.errno in OURS or error.errno is None
            return (Condition.UNKNOWN if is_ours else Condition.DOWN), str(error)
        writer.close()
        return Condition.UP, ""
