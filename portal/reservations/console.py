"""Questions about what servers wrote on their serial consoles. Those of tenants take the scope first."""

import re
from datetime import timedelta

from django.db import models
from django.db.models import F, Q

from portal.core import clock
from portal.core.errors import InvalidInput, NotFound
from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor
from portal.reservations.models.console import KEPT_FOR
from portal.reservations.selectors import allocations_of, reservation_of
from portal.reservations.states import AllocationState
from portal.tenancy.scope import Scope

READ_EVERY = timedelta(seconds=45)
"""How old the last read must be before a sweep reads again: less than a minute, at which the sweeps come."""
PURGED_AT_ONCE = 5_000
MOST_CHUNKS = 1_000
"""Most rows that the end of a log is put together from."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def console_of(scope: Scope, reservation_id: str, server_id: str) -> Allocation:
    """Return the latest allocation of a server in a reservation of the project, also one that is over.

    Raises NotFound.
    """
    allocations = allocations_of(reservation_of(scope, reservation_id)).order_by("-pk")
    found: Allocation | None = allocations.filter(server__public_id=server_id).first()
    if found is None:
        raise NotFound("This reservation has no such server.")
    return found


def chunks_of(allocation: Allocation, after: str = "") -> models.QuerySet[ConsoleChunk]:
    """Return an allocation's output in order, what came after the chunk with the public id ``after`` if given.

    Raises InvalidInput on ``after`` when the allocation has no such chunk.
    """
    chunks = ConsoleChunk.objects.filter(allocation=allocation).order_by("pk")
    if not after:
        return chunks
    last = chunks.filter(public_id=after).first()
    if last is None:
        raise InvalidInput.of("after", "unknown", "There is no such output here; leave it out to read from the first.")
    return chunks.filter(pk__gt=last.pk)


def tail_of(allocation: Allocation, most_characters: int) -> list[ConsoleChunk]:
    """Return the end of an allocation's output in order: the newest chunk, and those before it while they fit."""
    first, left = None, most_characters
    newest = ConsoleChunk.objects.filter(allocation=allocation).order_by("-pk").values_list("pk", "size")
    for pk, size in newest[:MOST_CHUNKS]:
        left -= size
        if left < 0 and first is not None:
            break
        first = pk
    return [] if first is None else list(ConsoleChunk.objects.filter(allocation=allocation, pk__gte=first))


def without_colours(text: str) -> str:
    """Return output without the codes that colour it."""
    return _COLOUR.sub("", text)


def serving() -> models.QuerySet[Allocation]:
    """Return the allocations whose consoles are their tenants': nobody reads them before or after."""
    return Allocation.objects.filter(state=AllocationState.SERVING)


def due_consoles() -> models.QuerySet[Allocation]:
    """Return the allocations whose consoles are to be read: those never read first, then the oldest read first."""
    read_at = "console_cursor__read_at"
    due = Q(**{f"{read_at}__isnull": True}) | Q(**{f"{read_at}__lte": clock.now() - READ_EVERY})
    return serving().filter(due, server__bmc__isnull=False).order_by(F(read_at).asc(nulls_first=True), "pk")


def purge_consoles() -> int:
    """Forget output older than KEPT_FOR, up to PURGED_AT_ONCE chunks; return how many.

    How far consoles were read is forgotten with the allocation: it is never handed over again.
    """
    ConsoleCursor.objects.exclude(allocation__state=AllocationState.SERVING).delete()
    # In the order of their keys, which is that of time: nothing is read beyond the first row that is kept.
    oldest = ConsoleChunk.objects.order_by("pk").values_list("pk", "created_at")[:PURGED_AT_ONCE]
    limit = clock.now() - KEPT_FOR
    return ConsoleChunk.objects.filter(pk__in=[pk for pk, at in oldest if at < limit]).delete()[0]
