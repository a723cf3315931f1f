"""The questions that the database answers from its calendar: each is one statement, whatever the size of the fleet."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from portal.core import clock
from portal.core.cursors import repeated_cursor
from portal.core.errors import InsufficientCapacity
from portal.core.periods import Period
from portal.reservations.leavings import CLEAR, HAS_PILED_UP
from portal.reservations.models import Grain
from portal.reservations.sought import SOUGHT, Sought

SINCE = "2000-01-01"
UNTIL = "3000-01-01"
"""Where the first free span of a server begins and where its last one ends: far outside of any reservation."""
POOL_TURN = 7001
"""The advisory lock of a pool: that of who waits for its last servers in ``calendar_place``."""


def _rows(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with repeated_cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def count_free(pools: Sequence[int], span: Period, *, is_due: bool, most: int) -> dict[int, int]:
    """Return by pool how many servers are free for the whole of ``span``, counted up to ``most``.

    With ``is_due`` only those count that can begin to be prepared at once.
    """
    return dict(
        _rows(
            "SELECT pool_id, free FROM calendar_count(%s::bigint[], %s, %s, %s, %s)",
            [list(pools), span.start, span.end, is_due, most],
        )
    )


def pools_that(sought: Sought) -> list[int]:
    """Return the pools that are meant, in order."""
    found: list[int] = _rows(f"SELECT {SOUGHT}", sought.values)[0][0]
    return found


class HeldByOthers(Exception):
    """Others hold so much just now that too little is left; whether they keep it is not known yet.

    No refusal: whoever asked rolls back, and asks again with patience.
    """


def grab(sought: Sought, count: int, span: Period, *, is_due: bool, may_spread: bool) -> list[int] | None:
    """Lock as ``place`` does, but wait for nobody.

    Raises HeldByOthers, with locks that only a rollback to before lets go of.
    """
    _require_transaction()
    found: list[int] | None = _rows(
        f"SELECT calendar_grab({SOUGHT}, %s, %s, %s, %s, %s)",
        [*sought.values, count, span.start, span.end, is_due, may_spread],
    )[0][0]
    if found is not None and len(found) < count:
        raise HeldByOthers
    return found


def place(sought: Sought, count: int, span: Period, *, is_due: bool, may_spread: bool) -> list[int] | None:
    """Lock free time of ``count`` servers until the transaction ends and return their pks in order; None for too few.

    Whoever then inserts their allocations in the same transaction has them. Raises InsufficientCapacity when others
    keep what is left locked for seconds without an end.
    """
    _require_transaction()
    try:
        rows = _rows(
            f"SELECT calendar_place({SOUGHT}, %s, %s, %s, %s, %s)",
            [*sought.values, count, span.start, span.end, is_due, may_spread],
        )
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise InsufficientCapacity("The last free servers are being booked by others; try again.") from None
        raise
    found: list[int] | None = rows[0][0]
    return found


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Servers are placed inside of a transaction.")


def pools_of(servers: Iterable[int]) -> list[int]:
    """Return the pools of servers, in order."""
    query = "SELECT DISTINCT pool_id FROM calendar_member WHERE server_id = ANY (%s::bigint[]) ORDER BY pool_id"
    return [row[0] for row in _rows(query, [sorted(servers)])]


def wait_for_turns(pools: Iterable[int]) -> None:
    """Wait for who looks for the last servers of the same pools, and let others wait until the transaction ends.

    Whoever may come to look for servers while holding the rows of some waits here before, as ``calendar_place`` would.
    """
    query = "SELECT pg_advisory_xact_lock(%s, id::integer) FROM unnest(%s::bigint[]) AS pools (id)"
    _rows(query, [POOL_TURN, sorted(pools)])


def begins(
    pools: Sequence[int],
    count: int,
    *,
    needed: timedelta,
    lead: timedelta,
    between: Period,
    grid: timedelta | None,
    most: int,
    may_spread: bool,
) -> list[datetime]:
    """Return the first instants in ``between`` at which ``count`` servers become, or are, free for ``needed``.

    With ``grid`` they lie ``lead`` before a multiple of it; otherwise they are the earliest there are, ``lead`` before
    a whole second.
    """
    rows = _rows(
        "SELECT calendar_begins(%s::bigint[], %s, %s, %s, %s, %s, %s, %s, %s)",
        [list(pools), count, may_spread, needed, lead, between.start, between.end, grid, most],
    )
    return [row[0] for row in rows]


def latest_end(
    pools: Sequence[int], count: int, since: datetime, between: Period, *, is_due: bool, may_spread: bool
) -> datetime | None:
    """Return the latest instant in ``between``, to the second, until which ``count`` servers are free from ``since``.

    None where they are not even free until its start.
    """
    found: datetime | None = _rows(
        "SELECT calendar_latest(%s::bigint[], %s, %s, %s, %s, %s, %s)",
        [list(pools), count, may_spread, since, between.start, between.end, is_due],
    )[0][0]
    return found


def slots(pools: Sequence[int], grain: Grain, span: Period) -> Iterator[tuple[int, datetime, int]]:
    """Yield pool, start and number of servers free for the whole slot, for each slot in ``span``, in order."""
    yield from _rows(
        "SELECT pool_id, at, free FROM calendar_slots(%s::bigint[], %s, %s, %s)",
        [list(pools), grain.value, span.start, span.end],
    )


def fold(most: int = 100_000) -> int:
    """Put new rows of the timeline together with those of the same slot; return how many."""
    folded: int = _rows("SELECT calendar_fold(%s)", [most])[0][0]
    return folded


def clear_folded() -> bool:
    """Clear away what folding left of the timeline, where much has piled up; tell whether it was done.

    Whoever reads a timeline passes all of it, and during a stampede autovacuum's minute is a long time. Nobody waits
    for it. Inside of a transaction it is not possible.
    """
    if connection.in_atomic_block or not _rows(HAS_PILED_UP, [])[0][0]:
        return False
    with connection.cursor() as cursor:
        cursor.execute(CLEAR)
    return True


def forget() -> None:
    """Remove free time and timeline that lie in the past."""
    _rows("SELECT calendar_forget(%s)", [clock.now()])


def rebuild(servers: Iterable[int]) -> None:
    """Work out the free spans of servers anew from their allocations."""
    _rows("SELECT calendar_rebuild(%s::bigint[])", [sorted(servers)])


def faults() -> list[str]:
    """Return what is wrong with free spans and timeline from now on, in words; nothing where all is well."""
    return [row[0] for row in _rows("SELECT calendar_faults(%s)", [clock.now()])]


def restore() -> None:
    """Make the free spans and the timeline of all servers anew; bookings wait meanwhile."""
    _rows("SELECT calendar_restore()", [])
