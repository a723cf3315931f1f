"""The waiting list in the random life: offers in the order of the queue, each of them held, none twice."""

from dataclasses import replace
from decimal import Decimal
from math import ceil

from django.conf import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from portal.core.actors import SYSTEM
from portal.core.errors import WaitlistLimitReached
from portal.reservations.models import Quote, Reservation, WaitlistEntry
from portal.reservations.request import WaitlistRequest
from portal.reservations.services.waitlist import join, leave
from portal.reservations.states import QuoteState
from provisioning import reconcile
from tests.reservations.model_booking import Booking, counts, elsewhere, lengths, picks, placements, starts
from tests.reservations.model_oracle import STEP, Stay
from tests.reservations.model_queue import Entry, first_wish
from tests.reservations.model_yard import HOLD, LEAD, MINUTE, OFFER, minutes, moment

dear = st.sampled_from([None, None, None, Decimal(1)])


class Waiting(Booking):
    """What those do who wait, and what is offered to them."""

    @initialize(start=starts, length=lengths, count=st.integers(1, 2), placement=placements)
    def somebody_waits(self, start, length, count, placement):
        """Begin with a wish that can mostly be met, at which no worker has looked yet."""
        self.join(start, 40, length, count, placement, None, away=False, looks=False)

    @rule(
        start=starts,
        window=st.integers(1, 40),
        length=lengths,
        count=counts,
        placement=placements,
        ceiling=dear,
        away=elsewhere,
        looks=st.booleans(),
    )
    def join(self, start, window, length, count, placement, ceiling, away, looks):
        """Wait for a wish that begins within a window; a worker that was woken looks at once, or too late."""
        wish, scope = self.wish(start, length, count, placement), self.scope(away)
        latest = wish.start + window * STEP
        request = WaitlistRequest(
            self.yard.type,
            self.yard.region,
            count,
            wish.length * MINUTE,
            moment(wish.start),
            moment(latest),
            ceiling,
            placement,
        )
        full = len(self.queue.live(scope.project.pk)) >= settings.METALYARD_WAITLIST_ENTRIES
        try:
            entry = join(scope=scope, actor=SYSTEM, request=request)
        except WaitlistLimitReached:
            assert full
            return
        assert not full
        self.queue.entries[entry.pk] = Entry(scope.project.pk, wish, latest, self.books.now, ceiling is not None)
        self.done["join"] += 1
        if looks:
            self.offer()

    @precondition(lambda self: self.queue.live())
    @rule(pick=picks)
    def leave(self, pick):
        live = self.queue.live()
        pk = live[pick % len(live)]
        known = self.queue.entries[pk]
        entry = WaitlistEntry.objects.get(pk=pk)
        leave(scope=self.scope_of(entry), actor=SYSTEM, entry=entry)
        self.queue.change(pk, state="withdrawn")
        self.done["leave"] += 1
        if known.offer is not None and known.state == "offered":
            self.went(Reservation.objects.get(quote__pk=known.offer))

    @precondition(lambda self: self.queue.live())
    @rule(of_pool=st.booleans())
    def pass_the_queue(self, of_pool):
        self.offer(*((self.yard.type.pk, self.yard.region.pk) if of_pool else ()))

    def offer(self, *keys):
        """Let a worker go through the queue: everybody in turn gets the first that fits, or what hinders it is said."""
        offered = reconcile.offer_waiting(*keys)
        self.done["lapse"] += self.queue.end_late(self.books.now)
        made = Quote.objects.filter(state=QuoteState.OPEN, waitlist_entry__isnull=False)
        new = {
            quote.waitlist_entry_id: quote
            for quote in made.exclude(pk__in=[entry.offer for entry in self.queue.offered().values()])
        }
        assert len(new) == offered
        for pk in self.queue.in_order(self.books.now):
            self.turn(pk, new.pop(pk, None))
        assert not new

    def turn(self, pk, quote):
        """Look whether an entry got what it should get as the calendar is when it is its turn, and note it."""
        entry, books = self.queue.entries[pk], self.books
        wish = first_wish(entry, books.now, HOLD + LEAD)
        start = books.first_fit(wish, entry.latest)
        fits = start is not None
        stay = Stay(entry.project, start, start + wish.length, wish.count) if fits else None
        hindered = fits and (entry.is_too_dear or not books.allows(stay))
        assert (quote is not None) == (fits and not hindered), (entry, start, hindered)
        if quote is None:
            self.queue.change(pk, is_hindered=hindered)
            self.done["hinder"] += hindered
            return
        assert round(minutes(quote.span.start), 3) == round(start, 3)
        assert quote.project_id == entry.project
        start = minutes(quote.span.start)
        ends = [books.now + OFFER, max(start - LEAD, books.now + HOLD), start + wish.length]
        self.queue.change(pk, state="offered", is_hindered=False, offer=quote.pk, until=min(ends))
        self.booked(replace(wish, start=start), quote.reservation, entry.project)
        self.done["offer"] += 1

    def offered(self, pick):
        """Return the entry of one of those who have an offer."""
        entries = self.queue.offered()
        return entries[sorted(entries)[pick % len(entries)]]

    @precondition(lambda self: self.queue.offered())
    @rule(pick=picks)
    def take_an_offer(self, pick):
        self.take(Quote.objects.get(pk=self.offered(pick).offer))

    @precondition(lambda self: self.queue.offered())
    @rule(pick=picks, looks=st.booleans())
    def let_an_offer_by(self, pick, looks):
        """Let time pass until an offer has run out, and perhaps everybody else's."""
        self.wait(ceil((self.offered(pick).until - self.books.now) / STEP), looks=looks)

    def wait(self, steps, *, looks):
        """Let time pass; the sweep of the waiting list may be late."""
        self.pass_time(steps * STEP)
        assert all(entry.until > self.books.now for entry in self.queue.offered().values())
        if looks and self.queue.live():
            self.offer()
