"""What is written about the yard, asked in one statement: who holds which server when, who stays, and who waits."""

from dataclasses import dataclass
from typing import NamedTuple

from portal.fleet.models import POOL_STATES
from portal.fleet.states import ServerState
from portal.operations.states import OPEN_PART
from portal.reservations.models import Placement
from portal.reservations.states import HOLDING, LIVE, AllocationState
from tests.reservations.calendars import query
from tests.reservations.conftest import NOON
from tests.reservations.model_oracle import Machine, Stay

QUESTION = """
SELECT
    (SELECT json_agg(json_build_array(s.id, s.fabric_id, s.is_spare, s.state, EXISTS (
        SELECT 1 FROM operations_operationserver w WHERE w.server_id = s.id AND w.state = ANY (%s)
    ))) FROM fleet_server s),
    (SELECT json_agg(json_build_array(
        a.id, a.server_id, extract(epoch FROM lower(a.occupied)), extract(epoch FROM upper(a.occupied)),
        a.state, r.state, r.id, r.placement
    )) FROM reservations_allocation a JOIN reservations_reservation r ON r.id = a.reservation_id
    WHERE a.state = ANY (%s)),
    (SELECT json_agg(json_build_array(
        r.id, r.project_id, extract(epoch FROM lower(r.period)), extract(epoch FROM upper(r.period)), r.count
    )) FROM reservations_reservation r WHERE r.state = ANY (%s)),
    (SELECT json_agg(json_build_array(
        w.id, w.state, extract(epoch FROM w.queued_at), w.missed_offers, w.obstacle <> ''
    )) FROM reservations_waitlistentry w),
    (SELECT json_agg(json_build_array(
        q.waitlist_entry_id, q.id, extract(epoch FROM q.expires_at), q.count, q.reservation_id, r.state,
        ARRAY(SELECT a.id FROM reservations_allocation a WHERE a.reservation_id = r.id AND a.state = 'booked')
    )) FROM reservations_quote q LEFT JOIN reservations_reservation r ON r.id = q.reservation_id
    WHERE q.waitlist_entry_id IS NOT NULL AND q.state = 'open')
"""


class Held(NamedTuple):
    """An allocation that keeps a server: which, from when to when, and for what."""

    span: tuple[int, int, int]
    state: str
    reservation_state: str
    reservation: int
    same_fabric: bool


class Offer(NamedTuple):
    """An open offer to somebody who waits, and what its reservation has on the calendar."""

    entry: int
    quote: int
    until: int
    count: int
    reservation: int
    reservation_state: str
    allocations: list[int]


@dataclass(frozen=True)
class Seen:
    """Everything, by its key; ``queue`` has an entry's state, its place in time, its missed offers and any obstacle."""

    machines: dict[int, Machine]
    held: dict[int, Held]
    stays: dict[int, Stay]
    queue: dict[int, tuple]
    offers: list[Offer]

    def broken_promises(self):
        """Return the reservations whose servers lie in several fabrics although one was promised."""
        fabrics = {}
        for row in self.held.values():
            if row.same_fabric and row.state != AllocationState.CLEANING:
                fabrics.setdefault(row.reservation, set()).add(self.machines[row.span[0]].fabric)
        return [pk for pk, found in fabrics.items() if len(found) > 1]


def minute(seconds):
    """Return the minute of a number of seconds since 1970: whole, but for what lasts a second only."""
    found = (seconds - NOON.timestamp()) / 60
    return int(found) if found.is_integer() else found


def look():
    """Return all that is written."""
    ((servers, held, stays, queue, offers),) = query(QUESTION, list(OPEN_PART), list(HOLDING), list(LIVE))
    return Seen(
        {
            pk: Machine(pk, fabric, is_spare, state in POOL_STATES, state == ServerState.AVAILABLE and not at_work)
            for pk, fabric, is_spare, state, at_work in servers
        },
        {
            pk: Held((server, minute(lo), minute(hi)), *states, reservation, placement == Placement.SAME_FABRIC)
            for pk, server, lo, hi, *states, reservation, placement in held or []
        },
        {pk: Stay(project, minute(lo), minute(hi), count) for pk, project, lo, hi, count in stays or []},
        {pk: (state, minute(queued), *rest) for pk, state, queued, *rest in queue or []},
        [Offer(entry, quote, minute(until), *rest) for entry, quote, until, *rest in offers or []],
    )
