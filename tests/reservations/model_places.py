"""Where everything stands, step by step: what stands elsewhere than before is on record, and was free to go there."""

from collections import Counter
from typing import NamedTuple

from tests.reservations.calendars import query
from tests.reservations.model_look import minute

WRITTEN = """
SELECT e.id, e.verb = 'allocation.moved', e.actor_kind = 'system' AND e.scope = g.public_id,
       a.id, r.id, extract(epoch FROM lower(r.period))::float, old.id, new.id, extract(epoch FROM e.at)::float
FROM audit_auditevent e
LEFT JOIN reservations_allocation a ON a.public_id = e.target
LEFT JOIN reservations_reservation r ON r.id = a.reservation_id
LEFT JOIN tenancy_organization g ON g.id = r.organization_id
LEFT JOIN fleet_server old ON old.public_id = e.data ->> 'old'
LEFT JOIN fleet_server new ON new.public_id = e.data ->> 'new'
WHERE e.id > %s AND e.verb IN ('allocation.moved', 'allocation.server_replaced') ORDER BY e.id
"""
TOLD = """
SELECT v.id, r.id, (v.data ->> 'count')::int FROM operations_operationevent v
LEFT JOIN reservations_reservation r ON r.public_id = v.subject
WHERE v.id > %s AND v.type = 'reservation.moved' ORDER BY v.id
"""
LAST = """
SELECT coalesce((SELECT max(id) FROM audit_auditevent), 0), coalesce((SELECT max(id) FROM operations_operationevent), 0)
"""


class Written(NamedTuple):
    """An allocation's change of servers as it is on record: a move, or one for another that cannot serve."""

    pk: int
    is_move: bool
    is_signed: bool
    allocation: int
    reservation: int
    starts: int
    old: int
    new: int
    at: int


class Places:
    """The server of every allocation after the last step, and how far the records were read."""

    def __init__(self):
        self.servers = {}
        ((self.record, self.event),) = query(LAST)

    def check(self, seen, books):
        """Look whether all that happened since the last time is on record, was told, and was allowed."""
        servers, moved = dict(self.servers), Counter()
        for row in query(WRITTEN, self.record):
            change = Written(*row)
            assert change.is_signed
            assert servers.get(change.allocation, change.old) == change.old != change.new
            servers[change.allocation], self.record = change.new, change.pk
            begins, at = minute(change.starts) - books.lead, minute(change.at)
            if change.is_move:
                assert books.may_move(begins, at, change.old, change.new), change
                moved[change.reservation] += 1
            else:
                assert books.may_be_replaced(begins, at), change
        self.servers = {pk: row.span[0] for pk, row in seen.held.items()}
        assert {pk: servers.get(pk, server) for pk, server in self.servers.items()} == self.servers
        told = Counter()
        for pk, reservation, count in query(TOLD, self.event):
            told[reservation] += count
            self.event = pk
        assert told == moved
