"""Changes at the same time as other changes and bookings: one of them wins, the others read why, nothing is lost.

Each race has a control that takes the guard away and shows the loss.
"""

import random
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError, ExtensionBlocked, InsufficientCapacity, InvalidInput, QuotaExceeded
from portal.core.periods import Period
from portal.operations.models import Operation
from portal.quotas.selectors import quotas_for
from portal.reservations import calendar, capacity, quota_check
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import contradictions
from portal.reservations.services import alter, moves, start
from portal.reservations.services import extend as extending
from portal.reservations.services.enlarge import add_servers
from portal.reservations.services.extend import extend
from portal.reservations.services.lifecycle import cancel
from portal.reservations.services.moves import make_room
from portal.reservations.services.quotes import accept
from portal.reservations.services.reserve import reserve
from portal.reservations.services.shorten import shorten
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import LIVE, ReservationState
from tests import factories
from tests.racing import Runner, await_blocked, kinds, race
from tests.reservations.calendars import overlaps
from tests.reservations.services.test_races import Gate, without_the_constraint

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RACERS = 6


def longer(reservation, by=6 * HOUR):
    """Return an act that extends a reservation."""
    scope = factories.scope(in_project=reservation.project)
    ends_at = reservation.span.end + by
    return lambda: extend(scope=scope, actor=scope.actor, reservation=reservation, ends_at=ends_at)


def follows(reservation, after=3 * HOUR):
    """Return an act that books the time after a reservation."""
    buyer = factories.buyer()
    begin = reservation.span.end + after
    request = factories.request(buyer, starts_at=begin, ends_at=begin + 5 * HOUR)
    return lambda: reserve(scope=buyer, actor=buyer.actor, request=request)


def test_of_an_extension_and_bookings_of_the_time_after_it_one_wins():
    factories.server(with_bmc=False)
    reservation = factories.reservation()
    acts = [longer(reservation), *(follows(reservation) for _ in range(RACERS - 1))]

    outcomes = race(RACERS, lambda number: acts[number]())

    found = kinds(outcomes)
    assert found.pop(Reservation) == 1
    assert set(found) <= {ExtensionBlocked, InsufficientCapacity}
    assert overlaps() == 0


def test_an_extension_waits_for_who_is_booking_and_sees_what_is_left():
    factories.servers(1, with_bmc=False)
    reservation = factories.reservation()
    booking, act = follows(reservation), longer(reservation)

    with transaction.atomic():
        booking()
        racer = Runner(act)
        await_blocked(1)

    refusal = racer.result()
    assert isinstance(refusal, ExtensionBlocked)
    assert refusal.extra["blocked_servers"] == 1
    assert overlaps() == 0


def between(monkeypatch, act):
    """Let somebody else act between an extension's look at what follows and its taking it, without its locks."""
    real = extending._lengthen

    def lengthen(*args):
        assert isinstance(Runner(act).result(), Reservation)
        real(*args)

    monkeypatch.setattr(extending, "lock_following", lambda reservation: None)
    monkeypatch.setattr(extending, "_lengthen", lengthen)


def test_what_is_booked_past_the_locks_is_refused_by_the_constraint(monkeypatch):
    factories.server(with_bmc=False)
    reservation = factories.reservation()
    act = longer(reservation)
    between(monkeypatch, follows(reservation))
    before = Reservation.objects.values().get(pk=reservation.pk)

    with pytest.raises(ExtensionBlocked):
        act()

    assert Reservation.objects.values().get(pk=reservation.pk) == before
    assert overlaps() == 0


def test_control_without_locks_and_constraint_a_server_is_promised_twice(monkeypatch):
    factories.server(with_bmc=False)
    reservation = factories.reservation()
    act = longer(reservation)

    with without_the_constraint():
        between(monkeypatch, follows(reservation))
        act()
        assert overlaps() == 1


def test_extended_by_many_at_once_it_is_extended_and_paid_once():
    factories.server(with_bmc=False)
    reservation = factories.reservation()
    acts = [longer(reservation) for _ in range(RACERS)]

    outcomes = race(RACERS, lambda number: acts[number]())

    assert kinds(outcomes) == {Reservation: 1, InvalidInput: RACERS - 1}
    reservation.refresh_from_db()
    assert reservation.price == Decimal(480 + 120)


def test_control_without_the_lock_on_the_reservation_all_are_told_that_they_did_it(monkeypatch):
    factories.server(with_bmc=False)
    reservation = factories.reservation()
    acts = [longer(reservation) for _ in range(RACERS)]
    gate, real = Gate(RACERS), alter.require_state

    def require_state(*args):
        real(*args)
        gate.meet()

    monkeypatch.setattr(alter, "lock_row", lambda model, pk: model.objects.get(pk=pk))
    monkeypatch.setattr(alter, "require_state", require_state)
    outcomes = race(RACERS, lambda number: acts[number]())

    assert kinds(outcomes) == {Reservation: RACERS}
    reservation.refresh_from_db()
    assert reservation.price == Decimal(480 + 120), "paid once by all of them"


def enlarging(limit):
    """Return acts, each of which adds a server to another reservation of one organization that has one each."""
    scope = factories.buyer(limit=limit)
    factories.servers(5 * RACERS, with_bmc=False)
    end = clock.now() + 2 * DAY
    made = [factories.reservation(scope, name=f"r{number}", ends_at=end) for number in range(RACERS)]
    return [lambda item=item: add_servers(scope=scope, actor=scope.actor, reservation=item, count=1) for item in made]


def test_the_last_of_a_limit_is_added_once():
    acts = enlarging(RACERS + 1)

    outcomes = race(RACERS, lambda number: acts[number]())

    assert kinds(outcomes) == {Reservation: 1, QuotaExceeded: RACERS - 1}
    assert Allocation.objects.count() == RACERS + 1
    assert sorted(Reservation.objects.values_list("count", flat=True)) == [1] * (RACERS - 1) + [2]


def test_control_without_the_lock_on_the_limit_it_is_added_many_times(monkeypatch):
    acts = enlarging(RACERS + 1)
    gate, real = Gate(RACERS), capacity.take

    def take(*args, **kwargs):
        gate.meet()
        return real(*args, **kwargs)

    monkeypatch.setattr(quota_check, "quotas_for", lambda *who, lock: quotas_for(*who))
    monkeypatch.setattr(capacity, "take", take)
    outcomes = race(RACERS, lambda number: acts[number]())

    assert kinds(outcomes)[Reservation] > 1
    assert Allocation.objects.count() > RACERS + 1


def in_two_halves(hold=False):
    """Return what a demand needs moved that no server is free for: one reservation, or a hold, of its first half."""
    first, second = factories.servers(2, with_bmc=False)
    begin = clock.now() + DAY
    scope = factories.buyer()
    span = {"starts_at": begin, "ends_at": begin + 4 * HOUR}
    quote = factories.hold(scope, **span) if hold else None
    moved = quote.reservation if quote else factories.reservation(scope, **span)
    other = factories.reservation(scope, starts_at=begin + 6 * HOUR, ends_at=begin + 12 * HOUR)
    Allocation.objects.filter(reservation=moved).update(server=first)
    Allocation.objects.filter(reservation=other).update(server=second)
    period = Period(begin, begin + 12 * HOUR)
    return moved, quote, Demand(moved.server_type, moved.region, 1, period, moved.placement)


def test_a_hold_is_moved_and_accepted_at_once():
    _, quote, demand = in_two_halves(hold=True)
    scope = factories.scope(in_project=quote.project)
    particulars = factories.particulars(scope)
    acts = [
        lambda: make_room(demand),
        lambda: accept(scope=scope, actor=scope.actor, quote=quote, particulars=particulars),
    ]

    moved, accepted = race(2, lambda number: acts[number]())

    assert isinstance(accepted, Reservation)
    assert accepted.state == ReservationState.SCHEDULED
    assert moved is True
    assert capacity.fits(demand)
    assert overlaps() == 0


def starting(monkeypatch, then):
    """Let a start begin in the middle of a move, once the move has found that it may."""
    monkeypatch.setattr(start, "_is_due", lambda reservation: reservation.state == ReservationState.SCHEDULED)
    real, racers = moves._lock_free_time, []

    def lock_free_time(found):
        reservation = Reservation.objects.get(pk=found[0].booking.reservation)
        racers.append(Runner(lambda: begin_provisioning(actor=SYSTEM, reservation=reservation)))
        then(racers[0])
        real(found)

    monkeypatch.setattr(moves, "_lock_free_time", lock_free_time)
    return racers


def prepared(reservation):
    """Return the server that is being prepared, and the one that is booked."""
    part = Operation.objects.get(subject=reservation.public_id).parts.get()
    return part.server_id, reservation.allocations.get().server_id


def test_a_start_waits_for_a_move_and_prepares_the_server_that_it_has_then(monkeypatch):
    reservation, _, demand = in_two_halves()
    old = reservation.allocations.get().server_id
    racers = starting(monkeypatch, lambda racer: await_blocked(1))

    make_room(demand)

    assert isinstance(racers[0].result(), Operation)
    working, booked = prepared(reservation)
    assert working == booked != old


def test_control_without_the_lock_on_the_reservation_a_server_is_prepared_that_it_has_no_more(monkeypatch):
    reservation, _, demand = in_two_halves()
    real = moves.lock_rows
    monkeypatch.setattr(moves, "lock_rows", lambda rows: list(rows) if rows.model is Reservation else real(rows))
    starting(monkeypatch, lambda racer: racer.result())

    make_room(demand)

    working, booked = prepared(reservation)
    assert working != booked


class Crowd:
    """What one of many may do to a few reservations on a few servers."""

    def __init__(self):
        self.buyers = [factories.buyer(limit=6) for _ in range(3)]
        self.image = factories.image()
        self.begin = clock.now() + DAY
        self.acts = (self.order, self.order, self.extend, self.extend, self.shorten, self.add, self.cancel)
        self.done, self.lock = {}, threading.Lock()

    def turns(self, number):
        """Do a number of random things. Refusals are answers; whatever else is raised is a failure."""
        chance = random.Random(number)  # noqa: S311 - not for secrets
        for _ in range(10):
            act = chance.choice(self.acts)
            try:
                act(chance, chance.choice(self.buyers))
            except DomainError:
                continue
            with self.lock:
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def some(self, chance, scope):
        """Return something that the project has and that is to come, or refuse."""
        found = list(Reservation.objects.filter(project=scope.project, state=ReservationState.SCHEDULED).order_by("pk"))
        if not found:
            raise DomainError("nothing there")
        return chance.choice(found)

    def order(self, chance, scope):
        start = self.begin + chance.randrange(24) * HOUR
        end = start + chance.randrange(2, 9) * HOUR
        count = chance.randint(1, 2)
        request = factories.request(scope, starts_at=start, ends_at=end, count=count, image=self.image)
        reserve(scope=scope, actor=scope.actor, request=request)

    def extend(self, chance, scope):
        item = self.some(chance, scope)
        ends_at = item.span.end + chance.randrange(1, 6) * HOUR
        extend(scope=scope, actor=scope.actor, reservation=item, ends_at=ends_at)

    def shorten(self, chance, scope):
        item = self.some(chance, scope)
        ends_at = item.span.end - chance.randrange(1, 4) * HOUR
        shorten(scope=scope, actor=scope.actor, reservation=item, ends_at=ends_at)

    def add(self, chance, scope):
        add_servers(scope=scope, actor=scope.actor, reservation=self.some(chance, scope), count=1)

    def cancel(self, chance, scope):
        cancel(scope=scope, actor=scope.actor, reservation=self.some(chance, scope))


def test_a_crowd_that_changes_everything_leaves_nothing_crooked():
    factories.servers(5, with_bmc=False)
    crowd = Crowd()

    outcomes = race(RACERS, crowd.turns)

    assert outcomes == [None] * RACERS
    assert {"order", "extend", "shorten"} <= set(crowd.done)
    assert overlaps() == 0
    assert calendar.faults() == []
    assert not contradictions().exists()
    for row in Reservation.objects.filter(state__in=LIVE):
        assert row.allocations.count() == row.count
        assert row.price == sum(Decimal(line["amount"]["amount"]) for line in row.price_lines)
        upper = row.span.end + row.server_type.cleanup_time
        assert {item.occupied.upper for item in row.allocations.all()} == {upper}
