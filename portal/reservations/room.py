"""What stands in the way, and where it could stand instead: questions for moving what has not begun."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection

from portal.core.periods import Period
from portal.reservations.rearranging import Booking, Gap
from portal.reservations.states import HOLDING, AllocationState, ReservationState

MOVABLE_STATES = (ReservationState.HELD, ReservationState.SCHEDULED)
MOST_LANES = 256
MOST_GAPS = 2000
MOST_ON_A_SERVER = 8
"""What is looked at, the easiest first: a pool of any size costs a bounded time."""

LEVEL = """
WITH clipped AS (
    SELECT greatest(lo, %(start)s) AS lo, least(hi, %(end)s) AS hi FROM reservations_freespan
    WHERE pool_id = ANY (%(pools)s) AND hi > %(start)s AND lo < %(end)s
), steps AS (
    SELECT %(start)s AS at, 0 AS change
    UNION ALL SELECT lo, 1 FROM clipped
    UNION ALL SELECT hi, -1 FROM clipped WHERE hi < %(end)s
), levels AS (
    SELECT sum(sum(change)) OVER (ORDER BY at) AS level FROM steps GROUP BY at
)
SELECT min(level) FROM levels
"""

BOOKINGS = """
SELECT a.id, a.reservation_id, a.server_id, lower(a.occupied), upper(a.occupied),
       a.state = %(booked)s AND r.state = ANY (%(movable)s) AND lower(a.occupied) > %(due)s
           AND lower(r.period) - t.lead_time > %(due)s AS may_move
FROM reservations_allocation a
JOIN reservations_reservation r ON r.id = a.reservation_id
JOIN fleet_servertype t ON t.id = r.server_type_id
WHERE a.state = ANY (%(holding)s) AND a.occupied && tstzrange(%(start)s, %(end)s)
"""

LANES = f"""
WITH held AS ({BOOKINGS} AND a.server_id IN (
    SELECT m.server_id FROM calendar_member m WHERE m.pool_id = %(pool)s
)), lanes AS (
    SELECT server_id FROM held GROUP BY server_id
    HAVING bool_and(may_move) AND count(*) <= %(most_on_a_server)s
       AND (NOT %(is_due)s OR calendar_is_ready(server_id))
    ORDER BY count(*), sum(upper - lower), server_id LIMIT %(most_lanes)s
)
SELECT held.* FROM held JOIN lanes USING (server_id) ORDER BY server_id, lower
"""  # noqa: S608 - put together of constants

GAPS = """
SELECT f.server_id, f.lo, f.hi FROM reservations_freespan f
WHERE f.pool_id = %(pool)s AND f.hi > %(start)s AND f.lo < %(end)s AND f.hi - f.lo >= %(least)s
  AND NOT f.server_id = ANY (%(but)s)
  AND NOT coalesce(
      f.lo <= %(needed_from)s::timestamptz AND f.hi >= %(needed_to)s::timestamptz
      AND (NOT %(is_due)s OR calendar_is_ready(f.server_id)), false
  )
ORDER BY f.hi - f.lo, f.server_id, f.lo LIMIT %(most_gaps)s
"""


def _rows(query: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def lowest_level(pools: Sequence[int], span: Period) -> int:
    """Return how many servers are free at the worst instant of ``span``, be they others at every instant."""
    level: int = _rows(LEVEL, pools=list(pools), start=span.start, end=span.end)[0][0]
    return level


def lanes(pool: int, span: Period, *, due: datetime, is_due: bool) -> list[list[Booking]]:
    """Return, by server of a pool, what stands in ``span``, of those where all of it can move.

    What begins to be prepared up to ``due`` cannot. With ``is_due`` only servers count that are ready now.
    """
    rows = _rows(
        LANES,
        pool=pool,
        start=span.start,
        end=span.end,
        due=due,
        is_due=is_due,
        booked=AllocationState.BOOKED.value,
        movable=[state.value for state in MOVABLE_STATES],
        holding=[state.value for state in HOLDING],
        most_on_a_server=MOST_ON_A_SERVER,
        most_lanes=MOST_LANES,
    )
    return [[_booking(row) for row in found] for _, found in groupby(rows, key=lambda row: row[2])]


def _booking(row: tuple[Any, ...]) -> Booking:
    pk, reservation, server, lower, upper = row[:5]
    return Booking(pk, reservation, server, Period(lower, upper))


def in_the_way(server: int, span: Period, *, due: datetime) -> list[Booking] | None:
    """Return what stands on a server in ``span``; None where some of it cannot move."""
    rows = _rows(
        f"{BOOKINGS} AND a.server_id = %(server)s ORDER BY a.id",
        server=server,
        start=span.start,
        end=span.end,
        due=due,
        booked=AllocationState.BOOKED.value,
        movable=[state.value for state in MOVABLE_STATES],
        holding=[state.value for state in HOLDING],
    )
    return [_booking(row) for row in rows] if all(row[5] for row in rows) else None


def gaps_for(
    pool: int, bookings: Sequence[Booking], *, needed: Period | None, is_due: bool = False, but: Sequence[int] = ()
) -> list[Gap]:
    """Return free time of a pool in which bookings could stand, the shortest first.

    Not that of servers that are free for all of ``needed``, with ``is_due`` those that are ready now, nor of ``but``.
    """
    if not bookings:
        return []
    rows = _rows(
        GAPS,
        pool=pool,
        start=min(booking.span.start for booking in bookings),
        end=max(booking.span.end for booking in bookings),
        least=min(booking.span.duration for booking in bookings),
        but=list(but),
        needed_from=needed.start if needed else None,
        needed_to=needed.end if needed else None,
        is_due=is_due,
        most_gaps=MOST_GAPS,
    )
    return [Gap(server, Period(lo, hi)) for server, lo, hi in rows]
