"""A random life of a small yard, beside an oracle that knows nothing but intervals.

After every step: no server is held twice; what is held is what the oracle holds; free counts of random windows, the
calendar by the hour and by the day, the next starts and the next fit are what looking at every instant says. The whole
length: ``METALYARD_MODEL_STEPS=100000 pytest -m long -n 2 tests/reservations/test_booking_model.py``.
"""

import os
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from portal.core.actors import SYSTEM
from portal.core.errors import (
    ExtensionBlocked,
    HoldLimitReached,
    InsufficientCapacity,
    InvalidInput,
    QuoteExpired,
    StateConflict,
)
from portal.fleet import services as fleet
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import servers_at_work
from portal.operations.states import OPEN_OPERATION
from portal.reservations import calendar
from portal.reservations.models import Allocation, Placement, Quote, Reservation
from portal.reservations.services.change import add_servers, extend, look_at_adding, look_at_extension, shorten
from portal.reservations.services.lifecycle import call_off, take_back
from portal.reservations.services.moves import make_room
from portal.reservations.services.quotes import accept, make_quote, withdraw
from portal.reservations.services.reserve import reserve
from portal.reservations.states import QuoteState
from provisioning import reconcile
from tests import factories, hands
from tests.reservations.model_oracle import STEP, Books, Wish
from tests.reservations.model_yard import CHANGING, CLEANUP, LEAD, MINUTE, A, R, Watched, Yard, minutes, moment

pytestmark = pytest.mark.django_db(transaction=True)

starts = st.one_of(st.integers(0, 4), st.integers(0, 40))
lengths, counts = st.integers(6, 30), st.integers(1, 4)
placements = st.sampled_from(Placement.values)
picks = st.integers(0, 9)


class Life(Watched):
    """What may happen; every rule says what it changes, and the invariants look whether nothing else did."""

    def wish(self, start, length, count, placement):
        return Wish(self.books.now + start * STEP, length * STEP, count, placement == Placement.SAME_FABRIC)

    def asked(self, wish):
        return {
            "starts_at": moment(wish.start),
            "ends_at": moment(wish.start + wish.length),
            "count": wish.count,
            "placement": Placement.SAME_FABRIC if wish.same_fabric else Placement.ANY,
        }

    def settle(self, wish, act):
        """Do what books for a wish: all of it, or a refusal, which is never wrong."""
        try:
            made = act()
        except InsufficientCapacity as refusal:
            self.expire()
            self.follow()
            self.refused(wish, refusal)
            return None
        except (HoldLimitReached, QuoteExpired):
            self.expire()
            self.follow()
            return None
        self.expire()
        self.done["hold" if isinstance(made, Quote) else "order"] += 1
        reservation = made.reservation if isinstance(made, Quote) else made
        self.came(reservation, wish.start, wish.length)
        assert reservation.allocations.count() == wish.count
        return made

    def refused(self, wish, refusal):
        self.done["refuse"] += 1
        assert not self.books.fits(wish)
        assert refusal.extra["available"] == self.books.most(wish)

    @rule(start=starts, length=lengths, count=counts, placement=placements)
    def order(self, start, length, count, placement):
        wish = self.wish(start, length, count, placement)
        request = factories.request(self.yard.scope, image=self.yard.image, **self.asked(wish))
        made = self.settle(wish, lambda: reserve(scope=self.yard.scope, actor=SYSTEM, request=request))
        if made:
            due = wish.start - LEAD <= self.books.now
            assert made.state == (R.PROVISIONING if due else R.SCHEDULED)

    @rule(start=starts, length=lengths, count=counts, placement=placements)
    def hold(self, start, length, count, placement):
        wish = self.wish(start, length, count, placement)
        request = factories.quote_request(**self.asked(wish))
        self.settle(wish, lambda: make_quote(scope=self.yard.scope, actor=SYSTEM, request=request, hold=True))

    @rule(start=starts, length=lengths, count=counts, placement=placements)
    def ask_price(self, start, length, count, placement):
        request = factories.quote_request(**self.asked(self.wish(start, length, count, placement)))
        make_quote(scope=self.yard.scope, actor=SYSTEM, request=request)

    def open_quote(self, pick):
        rows = list(Quote.objects.filter(state=QuoteState.OPEN).order_by("pk"))
        return rows[pick % len(rows)] if rows else None

    @rule(pick=picks)
    def accept(self, pick):
        quote = self.open_quote(pick)
        if quote is None:
            return
        particulars = factories.particulars(self.yard.scope, image=self.yard.image)
        start, end = minutes(quote.span.start), minutes(quote.span.end)
        start = max(start, self.books.now)
        wish = Wish(start, end - start, quote.count, quote.placement == Placement.SAME_FABRIC)

        def act():
            return accept(scope=self.yard.scope, actor=SYSTEM, quote=quote, particulars=particulars)

        if not quote.is_hold:
            self.settle(wish, act)
            return
        try:
            act()
            self.done["accept"] += 1
        except QuoteExpired:
            assert minutes(quote.expires_at) <= self.books.now or end <= self.books.now
        self.replaced()

    @rule(pick=picks)
    def withdraw(self, pick):
        quote = self.open_quote(pick)
        if quote:
            withdraw(scope=self.yard.scope, actor=SYSTEM, quote=quote)
            if quote.reservation:
                self.went(quote.reservation)
                self.done["withdraw"] += 1

    def some(self, pick, *states):
        rows = list(Reservation.objects.filter(state__in=states).order_by("pk"))
        return rows[pick % len(rows)] if rows else None

    @rule(pick=picks, more=st.integers(1, 30))
    def extend(self, pick, more):
        reservation = self.some(pick, *CHANGING)
        if reservation is None or reservation.span.end <= moment(self.books.now):
            return
        ends_at = reservation.span.end + more * STEP * MINUTE
        look = look_at_extension(self.yard.scope, reservation, ends_at)
        used = set(reservation.allocations.filter(state__in=(A.BOOKED, A.SERVING)).values_list("pk", flat=True))
        until = minutes(ends_at) + CLEANUP
        blocked = {pk for pk in used if not self.is_free_after(pk, until)}
        assert (look.fits, look.blocked) == (not blocked, len(blocked))
        try:
            extend(scope=self.yard.scope, actor=SYSTEM, reservation=reservation, ends_at=ends_at)
        except ExtensionBlocked:
            assert blocked
            self.done["refuse to extend"] += 1
            self.expire()
            self.follow()
            return
        self.done["extend"] += 1
        self.expire()
        self.follow()
        for pk in used:
            server, lo, hi = self.books.held[pk]
            self.books.held[pk] = (server, lo, max(hi, until))

    def is_free_after(self, pk, until):
        server, _, hi = self.books.held[pk]
        return self.books.is_free(server, hi, until)

    @rule(pick=picks, less=st.integers(1, 30))
    def shorten(self, pick, less):
        reservation = self.some(pick, *CHANGING)
        if reservation is None:
            return
        ends_at = reservation.span.end - less * STEP * MINUTE
        try:
            shorten(scope=self.yard.scope, actor=SYSTEM, reservation=reservation, ends_at=ends_at)
        except (InvalidInput, StateConflict):
            return
        self.done["shorten"] += 1
        for pk in reservation.allocations.filter(state__in=(A.BOOKED, A.SERVING)).values_list("pk", flat=True):
            server, lo, hi = self.books.held[pk]
            self.books.held[pk] = (server, lo, min(hi, minutes(ends_at) + CLEANUP))

    @rule(pick=picks, count=st.integers(1, 2))
    def add(self, pick, count):
        reservation = self.some(pick, R.SCHEDULED, R.ACTIVE)
        if reservation is None:
            return
        start = max(self.books.now, minutes(reservation.span.start))
        length = minutes(reservation.span.end) - start
        try:
            look = look_at_adding(self.yard.scope, reservation, count)
        except StateConflict:
            return
        same = reservation.placement == Placement.SAME_FABRIC
        held = reservation.allocations.filter(state__in=(A.BOOKED, A.SERVING)).order_by("position")
        home = next(iter(held.values_list("server__fabric", flat=True)), None) if same else None
        wish = Wish(start, length, count, same, home)
        assert (look.fits, look.free) == (self.books.fits(wish), self.books.most(wish))
        try:
            add_servers(scope=self.yard.scope, actor=SYSTEM, reservation=reservation, count=count)
        except InsufficientCapacity:
            self.expire()
            self.follow()
            assert not self.books.fits(wish)
            return
        self.done["add"] += 1
        self.expire()
        self.came(reservation, start, length)

    @rule(pick=picks)
    def cancel(self, pick):
        reservation = self.some(pick, R.SCHEDULED, R.PROVISIONING)
        if reservation:
            call_off(actor=SYSTEM, reservation=reservation, reason="test")
            self.done["cancel"] += 1
            self.went(reservation)

    @rule(pick=picks)
    def release(self, pick):
        reservation = self.some(pick, R.ACTIVE)
        if reservation:
            take_back(actor=SYSTEM, reservation=reservation, reason="test")
            self.done["release"] += 1
            self.went(reservation)

    @rule(failing=st.sets(st.integers(0, 3), max_size=2))
    def work(self, failing):
        """Let workers do what is open and due; the servers at some positions fail."""
        due = Operation.objects.filter(state__in=OPEN_OPERATION, not_before__lte=moment(self.books.now)).order_by("pk")
        for operation in list(due.exclude(subject="")):
            reservation = Reservation.objects.get(public_id=operation.subject)
            hands.work(reservation, failing=failing)
            self.done["work"] += 1
            self.went(reservation)

    @rule(pick=picks)
    def break_down(self, pick):
        servers = list(Server.objects.filter(state=ServerState.AVAILABLE).order_by("pk"))
        if servers:
            fleet.quarantine(actor=SYSTEM, server=servers[pick % len(servers)], reason="test")

    @rule()
    def bring_back(self):
        """Let a person erase what is quarantined, with proof."""
        for server in Server.objects.filter(state=ServerState.QUARANTINED).exclude(pk__in=servers_at_work()):
            # What was called off a moment ago may still be under way on the machine.
            ended = Operation.objects.filter(parts__server=server).order_by("pk").last()
            if ended is None or ended.state_changed_at < moment(self.books.now) - 60 * MINUTE:
                hands.erase(server)

    @rule(pick=picks)
    def hold_back(self, pick):
        """Make a server a spare, or sell it again; what is booked on it stays."""
        server = Server.objects.order_by("pk")[pick % 7]
        fleet.set_spare(actor=SYSTEM, server=server, is_spare=not server.is_spare)

    @rule(start=starts, length=lengths, count=counts, placement=placements)
    def make_room(self, start, length, count, placement):
        wish = self.wish(start, length, count, placement)
        before = self.books.fits(wish)
        found = make_room(self.demand(wish))
        self.follow()
        assert self.books.fits(wish) == (found or before)

    @rule(steps=st.integers(1, 9))
    def time_passes(self, steps):
        self.clock.shift(steps * STEP * MINUTE)
        self.books.now += steps * STEP
        for sweep in (
            reconcile.expire_quotes,
            reconcile.end_due,
            reconcile.time_out_operations,
            reconcile.overrun_servers,
            reconcile.start_due,
        ):
            sweep()
        self.replaced()

    def replaced(self):
        """Note what ended by itself, and which servers were replaced by others at a start."""
        kept = self.look()
        for pk, state in list(Allocation.objects.filter(pk__in=self.books.held).values_list("pk", "state")):
            self.gone(pk, state)
        for pk in self.books.held:
            (server, lo, hi), _, reservation_state = kept[pk]
            if server != self.books.held[pk][0]:
                assert reservation_state in (R.SCHEDULED, R.PROVISIONING)
                others = Books(LEAD, CLEANUP, 0, {}, {k: v for k, v in self.books.held.items() if k != pk})
                assert others.is_free(server, lo, hi)
                assert (lo, hi) == (self.books.now, self.books.held[pk][2]) or lo > self.books.now - LEAD
                self.books.held[pk] = (server, lo, hi)
                self.done["replace"] += 1

    @rule(forgets=st.booleans())
    def tidy(self, forgets):
        calendar.fold()
        if forgets:
            calendar.forget()


def live(yard, number, steps):
    """Live lives of fifty steps until there were so many; return how many."""
    Life.yard, Life.steps, Life.done, round_ = yard, 0, Counter(), 0
    quiet = settings(
        max_examples=max(1, min(40, steps // 40)),
        stateful_step_count=50,
        # Making a failure smaller takes longer than finding it.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
    )
    while Life.steps < steps:
        run_state_machine_as_test(seed(number * 10_000 + round_)(Life), settings=quiet)
        round_ += 1
    return Life.steps


def test_a_random_life_agrees_with_the_oracle():
    assert live(Yard(), 0, 400) >= 400


ACTS = {"order", "hold", "accept", "withdraw", "extend", "shorten", "add", "cancel", "release", "work"}
ACTS |= {"refuse", "refuse to extend"}


SHARDS = 8
STEPS = int(os.environ.get("METALYARD_MODEL_STEPS", "2000"))


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
def test_many_random_lives_agree_with_the_oracle(shard, capsys):
    begun = time.monotonic()

    steps = live(Yard(), shard, -(-STEPS // SHARDS))

    with capsys.disabled():
        what = ", ".join(f"{count} x {name}" for name, count in Life.done.most_common())
        os.write(2, f"\nshard {shard}: {steps} steps in {time.monotonic() - begun:.0f} s: {what}\n".encode())
    assert steps >= STEPS // SHARDS
    assert STEPS < 10_000 or set(Life.done) >= ACTS
