"""Writers who meet on one server leave a calendar that is right, and nobody waits for somebody who waits."""

import random
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.constraints import refuse
from portal.core.errors import InsufficientCapacity
from portal.core.periods import Period
from portal.fleet import services as fleet
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.reservations import calendar, capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, FreeSpan, Reservation
from portal.reservations.services.reserve import reserve
from portal.reservations.states import AllocationState
from tests import factories
from tests.racing import Runner, await_blocked, kinds, race
from tests.reservations.calendars import (
    STEP,
    await_poller,
    bare_reservation,
    free_spans,
    gaps,
    occupy,
    query,
    query_none,
)

# Not at once with other crowds: each takes many of the connections that the database has.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fifty at once")]

FAR = 10_000
"""Steps from now on: nothing there begins while a test runs."""


@pytest.fixture
def right():
    """Check after a test that the calendar is right."""
    yield
    assert free_spans() == gaps()
    assert calendar.faults() == []


@pytest.fixture
def neighbours():
    """Return a server, and two allocations of it of which one ends where the other begins."""
    server = factories.server(with_bmc=False)
    holder = bare_reservation()
    start = clock.now() + FAR * STEP
    rows = [occupy(holder, server, 0, 1), occupy(holder, server, 2, 3)]
    for number, row in enumerate(rows):
        span = Period(start + number * STEP, start + (number + 1) * STEP)
        Allocation.objects.filter(pk=row.pk).update(occupied=span.as_range())
        row.refresh_from_db()
    return server, *rows


def let_go(row):
    Allocation.objects.filter(pk=row.pk).update(state=AllocationState.RELEASED)


def spans_of(server):
    return FreeSpan.objects.filter(server_id=server.pk).count()


@contextmanager
def without_the_server_lock():
    """Let those who give time back not wait for one another."""
    ((written,),) = query("SELECT pg_get_functiondef('calendar_give'::regproc)")
    lock = "PERFORM 1 FROM fleet_server s WHERE s.id = ANY (servers) ORDER BY s.id FOR NO KEY UPDATE;"
    assert lock in written
    query_none(written.replace(lock, ""))
    try:
        yield
    finally:
        query_none(written)


@pytest.mark.usefixtures("right")
def test_two_who_give_back_neighbouring_time_leave_one_span(neighbours):
    server, first, second = neighbours

    with transaction.atomic():
        let_go(first)
        other = Runner(let_go, second)
        await_blocked(1)

    assert other.result() is None
    assert spans_of(server) == 1


def test_control_without_the_lock_on_the_server_the_time_stays_cut_in_two(neighbours):
    server, first, second = neighbours

    with without_the_server_lock(), transaction.atomic():
        let_go(first)
        assert Runner(let_go, second).result() is None

    assert spans_of(server) == 2
    assert calendar.faults() != []


@pytest.mark.usefixtures("right")
def test_who_gives_back_beside_a_booking_that_is_not_committed_waits_for_it(neighbours):
    server, first, second = neighbours
    let_go(second)
    end = second.occupied.upper
    beside = Period(second.occupied.lower, end + 5 * STEP)

    with transaction.atomic():
        row = occupy(first.reservation, server, 50_000, 50_001)
        Allocation.objects.filter(pk=row.pk).update(occupied=beside.as_range())
        other = Runner(let_go, first)
        await_blocked(1)

    assert other.result() is None
    assert FreeSpan.objects.earliest("lo").hi == beside.start


@pytest.mark.usefixtures("right")
def test_who_books_beside_a_release_that_is_not_committed_finds_what_it_leaves():
    """Two neighbouring halves are free, or none: never what has been on the way from one to the other."""
    scope = factories.buyer()
    server = factories.server(with_bmc=False)
    made = factories.reservation(scope)
    late = made.span.end + timedelta(days=1)
    request = factories.request(scope, starts_at=late, ends_at=late + timedelta(days=1))

    with transaction.atomic():
        Allocation.objects.update(state=AllocationState.RELEASED)
        racer = Runner(lambda: reserve(scope=scope, actor=scope.actor, request=request))
        await_poller()

    assert racer.result().allocations.get().server == server


@pytest.mark.usefixtures("right")
def test_a_server_that_breaks_while_it_is_booked_is_booked_and_out_of_the_pool():
    server = factories.server(with_bmc=False)
    demand = whole_day()

    with transaction.atomic():
        assert capacity.take(demand, demand.period) == [server.pk]
        breaking = Runner(lambda: fleet.quarantine(actor=SYSTEM, server=server, reason="test"))
        await_blocked(1)
        occupy(bare_reservation(), server, 200, 201)

    breaking.result()
    assert Server.objects.get().state == ServerState.QUARANTINED
    assert not FreeSpan.objects.exists()
    assert Allocation.objects.count() == 1

    Server.objects.update(state=ServerState.AVAILABLE)
    assert spans_of(server) == 2


def whole_day():
    start = clock.now() + timedelta(days=1)
    kind = factories.server_type(lead_time=timedelta(0), cleanup_time=timedelta(0))
    return Demand(kind, factories.region(), 1, Period(start, start + timedelta(days=1)))


@pytest.mark.usefixtures("right")
def test_a_server_that_is_breaking_is_not_sold_once_it_is_out():
    scope = factories.buyer()
    server = factories.server(with_bmc=False)
    request = factories.request(scope)

    with transaction.atomic():
        fleet.quarantine(actor=SYSTEM, server=server, reason="test")
        racer = Runner(lambda: reserve(scope=scope, actor=scope.actor, request=request))
        await_poller()

    assert isinstance(racer.result(), InsufficientCapacity)
    assert not Reservation.objects.exists()


@pytest.mark.usefixtures("right")
def test_who_writes_without_placing_waits_and_both_are_seen():
    server = factories.server(with_bmc=False)
    holder = bare_reservation()

    with transaction.atomic():
        occupy(holder, server, 10, 20)
        other = Runner(occupy, holder, server, 30, 40)
        await_blocked(1)

    assert isinstance(other.result(), Allocation)
    assert spans_of(server) == 3


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_that_writes_without_placing_leaves_a_right_calendar(seed):
    """Single statements of every kind at once, on few servers: the constraint refuses some; no more is raised.

    Two who insert the same without placing first may wait for one another: then the database refuses one of them.
    """
    servers = factories.servers(4, with_bmc=False)
    holders, refused = [bare_reservation() for _ in range(8)], []

    def life(number):
        chance = random.Random(f"{seed}-{number}")  # noqa: S311 - not for secrets
        for _ in range(25):
            try:
                with refuse("allocation_no_overlap", InsufficientCapacity("taken")):
                    turn(chance, servers, holders[number])
            except InsufficientCapacity:
                refused.append(number)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise

    assert kinds(race(8, life)) == {type(None): 8}
    assert refused


def turn(chance, servers, holder):
    own, act = Allocation.objects.filter(reservation=holder), chance.random()
    first = chance.randrange(100)
    if act < 0.4:
        occupy(holder, chance.choice(servers), first, first + chance.randrange(1, 30))
    elif act < 0.6:
        own.filter(pk__in=list(own.values_list("pk", flat=True)[:3])).update(state=AllocationState.RELEASED)
    elif act < 0.7:
        own.filter(pk__in=list(own.values_list("pk", flat=True)[:1])).update(server=chance.choice(servers))
    elif act < 0.8:
        own.filter(pk__in=list(own.values_list("pk", flat=True)[:2])).delete()
    elif act < 0.9:
        state = chance.choice([ServerState.QUARANTINED, ServerState.AVAILABLE, ServerState.IN_USE])
        Server.objects.filter(pk=chance.choice(servers).pk).update(state=state)
    else:
        calendar.fold(20)


@pytest.mark.usefixtures("right")
def test_it_is_made_anew_while_others_book():
    factories.servers(6, with_bmc=False)
    buyers = [factories.buyer() for _ in range(6)]
    image = factories.image()

    def act(number):
        if number >= len(buyers):
            return calendar.restore()
        scope = buyers[number]
        return reserve(scope=scope, actor=scope.actor, request=factories.request(scope, image=image))

    assert kinds(race(8, act)) == {Reservation: 6, type(None): 2}
