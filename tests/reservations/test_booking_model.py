"""A random life of a small yard, beside an oracle that knows nothing but intervals.

After every step: no server is held twice; what is held is what the oracle holds, in one fabric where that was promised,
and for the project that has it; what stands on another server than before was free to go there, and that is on record;
whoever waits stands where the oracle says, with one offer at most, all of it held; free counts of random windows, the
calendar by the hour and by the day, the next starts and the next fit are what looking at every instant says.
The whole length:
``METALYARD_MODEL_STEPS=100000 pytest -m long -n 2 tests/reservations/test_booking_model.py``.
"""

import os
import time
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from portal.core.actors import SYSTEM
from portal.core.errors import (
    InsufficientCapacity,
    InvalidInput,
    QuotaExceeded,
    StateConflict,
)
from portal.fleet import services as fleet
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import parts_of, servers_at_work
from portal.operations.states import OPEN_OPERATION
from portal.reservations import calendar
from portal.reservations.models import Placement, Quote, Reservation
from portal.reservations.services.enlarge import add_servers, look_at_adding
from portal.reservations.services.lifecycle import take_back
from portal.reservations.services.quotes import make_quote, withdraw
from portal.reservations.services.shorten import shorten
from portal.reservations.services.transfer import transfer
from portal.reservations.states import QuoteState
from tests import factories, hands
from tests.reservations.model_booking import counts, elsewhere, lengths, picks, placements, starts
from tests.reservations.model_living import live
from tests.reservations.model_moving import Moving, tight
from tests.reservations.model_oracle import STEP, Wish
from tests.reservations.model_waiting import Waiting
from tests.reservations.model_yard import CHANGING, CLEANUP, MINUTE, A, R, Yard, minutes, moment

pytestmark = pytest.mark.django_db(transaction=True)


class Life(Moving, Waiting):
    """What may happen; every rule says what it changes, and the invariants look whether nothing else did."""

    @rule(start=starts, length=lengths, count=counts, placement=placements, away=elsewhere, tight=tight)
    def order(self, start, length, count, placement, away, tight):
        self.reserve(self.cramped_if(tight) or self.wish(start, length, count, placement), self.scope(away))

    @rule(start=starts, length=lengths, count=counts, placement=placements, away=elsewhere, tight=tight)
    def hold(self, start, length, count, placement, away, tight):
        self.keep(self.cramped_if(tight) or self.wish(start, length, count, placement), self.scope(away))

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
        if quote is not None:
            self.take(quote)

    @rule(pick=picks)
    def withdraw(self, pick):
        """Give up a quote; where there is none, something is held for that."""
        quote = self.open_quote(pick) or self.keep(self.wish(pick, 6, 1, Placement.ANY), self.yard.scope)
        if quote:
            withdraw(scope=self.scope_of(quote), actor=SYSTEM, quote=quote)
            if quote.reservation:
                self.went(quote.reservation)
                self.decided()
                self.done["withdraw"] += 1

    @rule(pick=picks, more=st.integers(1, 30))
    def extend(self, pick, more):
        reservation = self.some(pick, *CHANGING)
        if reservation is None or reservation.span.end <= moment(self.books.now):
            return
        self.lengthen(reservation, reservation.span.end + more * STEP * MINUTE)

    @rule(pick=picks, less=st.one_of(st.integers(1, 3), st.integers(1, 30)))
    def shorten(self, pick, less):
        reservation = self.some(pick, *CHANGING)
        if reservation is None:
            return
        ends_at = reservation.span.end - less * STEP * MINUTE
        try:
            shorten(scope=self.scope_of(reservation), actor=SYSTEM, reservation=reservation, ends_at=ends_at)
        except (InvalidInput, StateConflict):
            return
        self.done["shorten"] += 1
        self.books.stays[reservation.pk] = replace(self.books.stays[reservation.pk], end=minutes(ends_at))
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
        scope, stay = self.scope_of(reservation), self.books.stays[reservation.pk]
        try:
            look = look_at_adding(scope, reservation, count)
        except StateConflict:
            return
        same = reservation.placement == Placement.SAME_FABRIC
        held = reservation.allocations.filter(state__in=(A.BOOKED, A.SERVING)).order_by("position")
        home = next(iter(held.values_list("server__fabric", flat=True)), None) if same else None
        wish = Wish(start, length, count, same, home)
        assert (look.fits, look.free) == (self.books.fits(wish), self.books.most(wish))
        more = replace(stay, count=stay.count + count)
        allowed = self.books.allows(more, but=reservation.pk)
        try:
            add_servers(scope=scope, actor=SYSTEM, reservation=reservation, count=count)
        except InsufficientCapacity:
            self.expire()
            self.follow()
            assert not self.books.fits(wish)
            assert allowed
            return
        except QuotaExceeded:
            assert not allowed
            self.done["refuse by quota"] += 1
            return
        assert allowed
        self.done["add"] += 1
        self.books.stays[reservation.pk] = more
        self.expire()
        self.came(reservation, start, length)

    @rule(pick=picks)
    def cancel(self, pick):
        reservation = self.some(pick, R.SCHEDULED, R.PROVISIONING)
        if reservation:
            self.call_off(reservation)

    @rule(pick=picks)
    def release(self, pick):
        """Take an active reservation back; where there is none, a tenant comes for that."""
        reservation = self.some(pick, R.ACTIVE) or self.move_in(6, 1)
        if reservation:
            take_back(actor=SYSTEM, reservation=reservation, reason="test")
            self.done["release"] += 1
            self.went(reservation)

    @rule(pick=picks)
    def transfer(self, pick):
        """Give a reservation to the other project, where its state and the limit there allow it: only that changes."""
        reservation = self.some(pick, R.HELD, *CHANGING)
        if reservation is None:
            return
        stay = self.books.stays[reservation.pk]
        source = self.scope_of(reservation)
        (target,) = (scope for scope in self.yard.scopes.values() if scope != source)
        there = replace(stay, project=target.project.pk)
        allowed = self.books.allows(there, but=reservation.pk)
        changeable = reservation.state in (R.SCHEDULED, R.ACTIVE) and stay.end > self.books.now
        try:
            transfer(scope=source, actor=SYSTEM, reservation=reservation, to=target.project)
        except StateConflict:
            assert not changeable
        except QuotaExceeded:
            assert changeable
            assert not allowed
            self.done["refuse to transfer"] += 1
        else:
            assert changeable
            assert allowed
            self.books.stays[reservation.pk] = there
            self.done["transfer"] += 1
            assert not Quote.objects.filter(reservation=reservation).exclude(project=target.project).exists()
            rows = Operation.objects.filter(subject=reservation.public_id)
            assert not rows.exclude(project=target.project).exists()

    @rule(failing=st.sets(st.integers(0, 3), max_size=2))
    def work(self, failing):
        """Let workers do what is open and due; the servers at some positions fail."""
        due = Operation.objects.filter(state__in=OPEN_OPERATION, not_before__lte=moment(self.books.now)).order_by("pk")
        for operation in list(due.exclude(subject="")):
            self.do(operation, failing)
            self.done["work"] += 1
            self.went(Reservation.objects.get(public_id=operation.subject))

    def do(self, operation, failing):
        """Do one operation: an active reservation to which servers were added twice has two."""
        claim = hands.take(operation)
        for part in parts_of(operation):
            if hands.begin(claim, part):
                (hands.fail if part.position in failing else hands.succeed)(claim, part)
        hands.finish(claim, operation)

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

    @rule(steps=st.integers(1, 9), looks=st.booleans())
    def time_passes(self, steps, looks):
        self.wait(steps, looks=looks)

    @rule(forgets=st.booleans())
    def tidy(self, forgets):
        calendar.fold()
        if forgets:
            calendar.forget()


def test_a_random_life_agrees_with_the_oracle():
    assert live(Life, Yard(), 0, 400) >= 400


ACTS = {"order", "hold", "accept", "withdraw", "extend", "shorten", "add", "cancel", "release", "work"}
ACTS |= {"refuse", "refuse to extend", "move"}
"""What happens in every life that is not short."""
MORE_ACTS = {"join", "offer", "hinder", "accept an offer", "miss an offer", "leave", "lapse"}
MORE_ACTS |= {"transfer", "refuse to transfer", "refuse by quota", "rebind", "extend after a move"}
MORE_ACTS |= {"squeeze", "squeeze on the eve"}
"""What each life has in turns: the whole length has all of it."""


SHARDS = 8
STEPS = int(os.environ.get("METALYARD_MODEL_STEPS", "2000"))


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
def test_many_random_lives_agree_with_the_oracle(shard, capsys):
    begun = time.monotonic()

    steps = live(Life, Yard(), shard, -(-STEPS // SHARDS))

    with capsys.disabled():
        what = ", ".join(f"{count} x {name}" for name, count in Life.done.most_common())
        os.write(2, f"\nshard {shard}: {steps} steps in {time.monotonic() - begun:.0f} s: {what}\n".encode())
    assert steps >= STEPS // SHARDS
    assert STEPS < 10_000 or set(+Life.done) >= ACTS
    assert STEPS < 100_000 or set(+Life.done) >= MORE_ACTS
