"""The yard in which the random life takes place, and all that is looked at after every step."""

import random
from collections import Counter
from datetime import timedelta

import time_machine
from django.conf import settings
from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine, invariant

from portal.core.periods import Period
from portal.fleet.models import Fabric
from portal.reservations import calendar
from portal.reservations.capacity import Demand, fits, free_count, next_fit, next_starts
from portal.reservations.models import Allocation, Placement, Pool, Quote, Reservation
from portal.reservations.request import MAX_AHEAD
from portal.reservations.selectors import contradictions, orphaned_servers, quote_contradictions
from portal.reservations.states import HOLDING, LIVE, AllocationState, QuoteState, ReservationState
from portal.tenancy.scope import Scope
from tests import factories
from tests.reservations.calendars import query
from tests.reservations.conftest import NOON
from tests.reservations.model_look import look, minute
from tests.reservations.model_oracle import DAY, FIRST_OFFER, HOUR, STEP, Books, Stay, Wish
from tests.reservations.model_places import Places
from tests.reservations.model_queue import Queue

LEAD, CLEANUP, SEEN = 2 * STEP, STEP, 2 * DAY
MINUTE = timedelta(minutes=1)
A, R = AllocationState, ReservationState
CHANGING = (R.SCHEDULED, R.PROVISIONING, R.ACTIVE)
MOVABLE = (R.HELD, R.SCHEDULED)
OTHER_LIMIT = 2
HOLD, OFFER = settings.METALYARD_HOLD_MINUTES, settings.METALYARD_OFFER_MINUTES


def moment(minutes):
    return NOON + minutes * MINUTE


def minutes(instant):
    return (instant - NOON) / MINUTE


EVERYTHING = """
SELECT
    (SELECT json_agg(json_build_array(w.n, c.pool_id, c.free))
     FROM unnest(%(froms)s::timestamptz[], %(tos)s::timestamptz[], %(dues)s::boolean[])
          WITH ORDINALITY AS w (lo, hi, due, n)
     CROSS JOIN LATERAL calendar_count(%(pools)s::bigint[], w.lo, w.hi, w.due, 99) c),
    (SELECT json_agg(json_build_array(s.pool_id, extract(epoch FROM s.at), s.free))
     FROM calendar_slots(%(pools)s::bigint[], 1, %(hour)s, %(hour)s + interval '8 hours') s),
    (SELECT json_agg(json_build_array(s.pool_id, extract(epoch FROM s.at), s.free))
     FROM calendar_slots(%(pools)s::bigint[], 24, %(day)s, %(day)s + interval '2 days') s),
    ARRAY(SELECT extract(epoch FROM b)::float FROM calendar_begins(
        %(pools)s::bigint[], %(count)s, %(spread)s, %(needed)s, %(lead)s, %(soonest)s, %(until)s,
        interval '1 hour', 3) b),
    ARRAY(SELECT extract(epoch FROM b)::float FROM calendar_begins(
        %(pools)s::bigint[], %(count)s, %(spread)s, %(needed)s, %(lead)s, %(soonest)s, %(last)s, NULL, 1) b)
"""


class Yard:
    """Seven servers in two fabrics, two of them spares, and a tenant: written once, lived in often.

    One project of the tenant may have all servers, the other one a few at once.
    """

    def __init__(self):
        with time_machine.travel(NOON, tick=False):
            self.type = factories.server_type(lead_time=LEAD * MINUTE, cleanup_time=CLEANUP * MINUTE)
            self.region = factories.region()
            self.scope = factories.buyer(limit=1000)
            self.other = Scope(self.scope.actor, factories.project(self.scope.organization), self.scope.role)
            factories.ssh_key(self.other.project)
            factories.quota(self.scope.organization, OTHER_LIMIT, project=self.other.project)
            self.scopes = {scope.project.pk: scope for scope in (self.scope, self.other)}
            self.image = factories.image()
            factories.servers(3, with_bmc=False)
            factories.servers(2, in_fabric=factories.fabric("B"), with_bmc=False)
            factories.server(in_fabric=factories.fabric("B"), is_spare=True, with_bmc=False)
            factories.server(is_spare=True, with_bmc=False)
        self.fabrics = Fabric.objects.in_bulk()
        self.pools = dict(Pool.objects.filter(is_spare=False).values_list("pk", "fabric_id"))


class Watched(RuleBasedStateMachine):
    """The yard beside the oracle, and what is always so."""

    yard: Yard
    steps, done = 0, Counter()

    def __init__(self):
        super().__init__()
        self.travel = time_machine.travel(NOON, tick=False)
        self.clock = self.travel.start()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.books = Books(LEAD, CLEANUP, 0, {}, {}, limits={self.yard.other.project.pk: OTHER_LIMIT})
        self.queue, self.places = Queue(), Places()
        self.chance = random.Random(0)  # noqa: S311 - not for secrets
        self.look()

    def teardown(self):
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)
        self.travel.stop()

    # What the oracle knows

    def look(self):
        """Take down the states of the servers, and return what is written. Who holds which server when, who stays and
        who waits is the oracle's own.
        """
        seen = look()
        self.books.machines = seen.machines
        return seen

    def booked(self, wish, reservation, project):
        """Note a new reservation of a project."""
        self.books.stays[reservation.pk] = Stay(project, wish.start, wish.start + wish.length, wish.count)
        self.came(reservation, wish.start, wish.length)
        assert reservation.allocations.count() == wish.count
        self.closed(reservation.pk)

    def came(self, reservation, start, length):
        """Note the new allocations of a reservation, and that each is on a server that was free for it."""
        span = self.books.occupied(start, length)
        self.follow()
        for pk, server, state in reservation.allocations.values_list("pk", "server_id", "state"):
            if pk not in self.books.held and state in HOLDING:
                assert self.books.is_free(server, *span)
                self.books.held[pk] = (server, *span)

    def follow(self):
        """Note what moved to another server, which only what has not begun may do; return how much did."""
        moved = [
            (pk, row)
            for pk, row in self.look().held.items()
            if pk in self.books.held and self.books.held[pk][0] != row.span[0]
        ]
        for pk, row in moved:
            server, lo, hi = self.books.held[pk]
            assert row.reservation_state in MOVABLE
            assert row.state == A.BOOKED
            assert self.books.may_move(lo, self.books.now, server, row.span[0])
            self.books.held[pk] = (row.span[0], lo, hi)
        self.done["move"] += len(moved)
        return len(moved)

    def went(self, *reservations):
        """Note that reservations keep nothing any more but what is being erased, and that no longer than needed."""
        for reservation in reservations:
            for pk, state in reservation.allocations.values_list("pk", "state"):
                self.gone(pk, state)
        self.closed(*(reservation.pk for reservation in reservations))

    def gone(self, pk, state):
        if state not in HOLDING:
            self.books.held.pop(pk, None)
        elif state == A.CLEANING and pk in self.books.held:
            server, lo, hi = self.books.held[pk]
            self.books.held[pk] = (server, lo, min(hi, max(self.books.now + CLEANUP, lo + 1 / 60)))

    def closed(self, *pks):
        """Note which of some reservations count no more in their projects."""
        live = set(Reservation.objects.filter(pk__in=pks, state__in=LIVE).values_list("pk", flat=True))
        for pk in set(pks) - live:
            self.books.stays.pop(pk, None)

    def expire(self):
        """Note the holds that run out, which whoever lacks room ends."""
        expired = Quote.objects.filter(is_hold=True, state=QuoteState.EXPIRED).values_list("reservation", flat=True)
        for pk, state in Allocation.objects.filter(reservation__in=expired).values_list("pk", "state"):
            self.gone(pk, state)
        self.closed(*expired)
        self.decided()

    def decided(self):
        """Note what became of the offers that are not open any more."""
        offered = {entry.offer: pk for pk, entry in self.queue.offered().items()}
        if not offered:
            return
        for quote, state in Quote.objects.filter(pk__in=offered).order_by("waitlist_entry").values_list("pk", "state"):
            pk = offered[quote]
            if state == QuoteState.ACCEPTED:
                self.queue.change(pk, state="accepted")
                self.done["accept an offer"] += 1
            elif state != QuoteState.OPEN:
                assert state == QuoteState.WITHDRAWN or self.queue.entries[pk].until <= self.books.now
                self.queue.let_by(pk, self.books.now)
                self.done["miss an offer"] += 1

    def demand(self, wish):
        period = Period(moment(wish.start), moment(wish.start + wish.length))
        placement = Placement.SAME_FABRIC if wish.same_fabric else Placement.ANY
        fabric = self.yard.fabrics.get(wish.fabric)
        return Demand(self.yard.type, self.yard.region, wish.count, period, placement, fabric=fabric)

    # What is always so

    @invariant()
    def all_agrees(self):
        type(self).steps += 1
        seen = self.look()
        assert {pk: row.span for pk, row in seen.held.items()} == self.books.held
        assert self.books.overlaps() == []
        assert seen.broken_promises() == []
        assert seen.stays == self.books.stays
        assert seen.queue == self.queue.seen()
        self.places.check(seen, self.books)
        self.check_offers(seen)
        self.check_calendar(self.any_wish(), self.any_wish())
        if self.chance.random() < 0.1:
            self.check_questions(self.any_wish())

    def check_offers(self, seen):
        """Look whether everybody who has an offer has a single one, and all of it on the calendar."""
        offered = self.queue.offered()
        assert len(seen.offers) == len(offered)
        for offer in seen.offers:
            entry = offered[offer.entry]
            assert (offer.quote, offer.until, offer.count) == (entry.offer, entry.until, entry.wish.count)
            assert offer.reservation_state == R.HELD
            assert len(offer.allocations) == entry.wish.count
            stay = self.books.stays[offer.reservation]
            assert entry.wish.start <= stay.start <= entry.latest
            for pk in offer.allocations:
                _, lo, hi = self.books.held[pk]
                assert lo <= stay.start
                assert hi == stay.start + entry.wish.length + CLEANUP

    def any_wish(self):
        start, length = self.chance.randrange(40) * STEP, self.chance.randrange(3, 30) * STEP
        same = self.chance.random() < 0.5
        return Wish(self.books.now + start, length, self.chance.randrange(1, 5), same)

    def check_calendar(self, wish, other):
        """Ask the database everything in one statement, and look at every instant."""
        pools, books = self.yard.pools, self.books
        spans = [books.occupied(wish.start, wish.length), books.occupied(other.start, other.length)]
        needed = LEAD + wish.length + CLEANUP
        soonest = max(wish.start - LEAD, books.now + FIRST_OFFER)
        until = wish.start + DAY // 2 - LEAD
        # Slots that have begun already are nobody's to book, and may be forgotten.
        hour, day = -(-wish.start // HOUR) * HOUR, -(-(wish.start + DAY // 2) // DAY) * DAY - DAY // 2
        ((counts, hours, days, on_grid, first),) = query(
            EVERYTHING,
            {
                "pools": list(pools),
                "froms": [moment(lo) for lo, _ in spans],
                "tos": [moment(hi) for _, hi in spans],
                "dues": [lo <= books.now for lo, _ in spans],
                "hour": moment(hour),
                "day": moment(day),
                "count": wish.count,
                "spread": not wish.same_fabric,
                "needed": needed * MINUTE,
                "lead": LEAD * MINUTE,
                "soonest": moment(soonest),
                "until": moment(until),
                "last": moment(books.now + SEEN),
            },
        )
        for number, pool, free in counts:
            assert free == len(books.free(*spans[number - 1], fabric=pools[pool])), (number, pool)
        assert [minute(at) for at in on_grid] == books.begins(wish, soonest, until, 3)
        assert [minute(at) for at in first] == books.first_begin(wish, soonest, books.now + SEEN)
        for rows, length, slots in ((hours, HOUR, 8), (days, DAY, 2)):
            assert len(rows) == slots * len(pools)
            for pool, at, free in rows:
                assert free == books.slot(pools[pool], minute(at), minute(at) + length), (pool, at, length)

    def check_questions(self, wish):
        """The same through the questions that the services ask."""
        demand = self.demand(wish)
        assert (free_count(demand), fits(demand)) == (self.books.most(wish), self.books.fits(wish))
        found, expected = next_fit(demand), self.books.next_fit(wish, self.books.now + MAX_AHEAD / MINUTE)
        assert (found and round(minutes(found.start), 3)) == (expected and round(expected, 3))
        between = Period(moment(wish.start), moment(wish.start + DAY))
        starts = [minutes(period.start) for period in next_starts(demand, between, most=3)]
        assert starts == self.books.next_starts(wish, wish.start, wish.start + DAY, 3)

    @invariant()
    def nothing_contradicts(self):
        if self.chance.random() < 0.1:
            assert list(contradictions()) == []
            assert list(quote_contradictions()) == []
            assert list(orphaned_servers()) == []
            assert calendar.faults() == []
            assert not Allocation.objects.filter(state__in=HOLDING).exclude(reservation__state__in=LIVE).exists()
