"""Seeing from outside and out of band whether handed-over servers work: a connection to SSH, and power by the BMC.

A probe that fails by itself says nothing of a server: what we cannot tell is unknown, never down.
"""

import asyncio
import errno
import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
from django.core.exceptions import ObjectDoesNotExist

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.models import Allocation
from portal.reservations.states import AllocationState
from portal.sla.definitions import Condition, Kind
from portal.sla.models.evidence import Source
from portal.sla.services.evidence import Sample, note_samples
from provisioning.credentials import login_of
from provisioning.host_logger import Unreadable, make_client, read

log = logging.getLogger(__name__)

CONNECT_S = 3
CONNECTIONS_AT_ONCE = 100
BMCS_AT_ONCE = 16
BUDGET_S = 40
"""After so long a sweep begins no more reads of BMCs: those that are left are the first of the next one."""
OURS = (errno.ENETUNREACH, errno.ENETDOWN, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS)
"""Errors of this host's own network."""

Seen = tuple[Condition, str]
NOTHING: Seen = (Condition.UNKNOWN, "")


def probe_servers() -> int:
    """Probe all servers that are handed over; return how many there were."""
    servers = _handed_over()
    if not servers:
        return 0
    at = clock.now()
    powers = _powers_of(servers)
    answers = asyncio.run(_answers_of(servers))
    reached = {server.pk: answer for server, answer in zip(servers, answers, strict=True)}
    for region in {server.region_id for server in servers}:
        pks = [server.pk for server in servers if server.region_id == region]
        heard = [reached[pk][0] == Condition.UP or powers.get(pk, NOTHING)[0] != Condition.UNKNOWN for pk in pks]
        if not any(heard):
            # Nothing there answers at all: as likely as not it is we who are cut off.
            reached.update(dict.fromkeys(pks, (Condition.UNKNOWN, "nothing in the region answers this worker")))
    samples = [Sample(pk, Kind.REACHABLE, *seen) for pk, seen in reached.items()]
    note_samples(samples=samples, source=Source.PROBE, at=at)
    note_samples(samples=[Sample(pk, Kind.POWER, *seen) for pk, seen in powers.items()], source=Source.BMC, at=at)
    return len(servers)


def _handed_over() -> list[Server]:
    """Return the servers that tenants have, those whose power was not seen for the longest time first."""
    rows = Allocation.objects.filter(state=AllocationState.SERVING).select_related("server__bmc").order_by("pk")
    servers = [row.server for row in rows]
    if not servers:
        return []
    first = int(time.monotonic()) % len(servers)
    return servers[first:] + servers[:first]


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


def _powers_of(servers: Sequence[Server]) -> dict[int, Seen]:
    """Return what the BMCs say of the power of servers, by their pks; nothing of those that there was no time for."""
    deadline, found = time.monotonic() + BUDGET_S, {}
    try:
        http = make_client()
    except OSError as error:
        log.error("no BMC can be read: %s", error)
        return {}
    with http, ThreadPoolExecutor(BMCS_AT_ONCE) as pool:
        for start in range(0, len(servers), BMCS_AT_ONCE):
            if time.monotonic() > deadline:
                break
            # The threads know nothing of the database.
            batch = servers[start : start + BMCS_AT_ONCE]
            for server, seen in zip(batch, pool.map(partial(_power_of, http), batch), strict=True):
                found[server.pk] = seen
    return found


def _power_of(http: httpx.Client, server: Server) -> Seen:
    """Return what a BMC says of its server's power; unknown where it does not answer, or not as it should."""
    try:
        url = f"{server.bmc.address}/redfish/v1/Systems/{server.system_uuid}"
        state = json.loads(read(http, url, login_of(server.bmc)))["PowerState"]
    except (Unreadable, ObjectDoesNotExist, ValueError, LookupError, TypeError, RecursionError) as error:
        return Condition.UNKNOWN, f"the BMC does not say: {error}"
    if state == "On":
        return Condition.UP, ""
    if state in ("Off", "PoweringOff"):
        return Condition.DOWN, "power is off"
    return Condition.UNKNOWN, f"power is {str(state)[:40]}"
