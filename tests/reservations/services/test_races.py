"""Many at once: as many win as there is room for, the others read why, and nothing else happens.

Each race has a control that takes the guard away and shows the loss.
"""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InsufficientCapacity, InvalidInput, QuotaExceeded
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.operations.models import Operation
from portal.quotas.selectors import quotas_for
from portal.reservations import calendar, capacity, quota_check
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.reserve import reserve
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import AllocationState, ReservationState
from tests import factories
from tests.racing import PATIENCE_S, Runner, await_blocked, kinds, race
from tests.reservations.calendars import await_poller, bare_reservation, choice, occupy, overlaps, unnoticed

pytestmark = pytest.mark.django_db(transaction=True)

RACERS = 12


def orders(scopes, **kwargs):
    """Return an act for ``race``: each racer orders the same for a scope of its own."""
    start = clock.now() + timedelta(days=1)
    span = {"starts_at": start, "ends_at": start + timedelta(days=1)}
    requests = [factories.request(scope, **span, **kwargs) for scope in scopes]

    def act(number):
        scope = scopes[number]
        return reserve(scope=scope, actor=scope.actor, request=requests[number])

    return act


class Gate:
    """Lets all racers through together, each the first time it comes."""

    def __init__(self, racers):
        self._line, self._came = threading.Barrier(racers), threading.local()

    def meet(self):
        if not getattr(self._came, "once", False):
            self._came.once = True
            self._line.wait(PATIENCE_S)


@contextmanager
def without_placing(monkeypatch, racers=RACERS):
    """Let all racers look which servers are free before the first one takes them, and lock none."""
    gate = Gate(racers)

    def take(demand, span, **kwargs):
        found = [server.pk for server in choice(demand)]
        gate.meet()
        return found if len(found) == demand.count else None

    with monkeypatch.context() as patch:
        patch.setattr(capacity, "take", take)
        yield


@contextmanager
def without_locks_on_limits(monkeypatch, racers=RACERS):
    """Let all racers look at their limits before the first one takes servers, and lock none."""
    gate, real = Gate(racers), capacity.take

    def take(*args, **kwargs):
        gate.meet()
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(quota_check, "quotas_for", lambda *who, lock: quotas_for(*who))
        patch.setattr(capacity, "take", take)
        yield


@contextmanager
def all_locked(wish):
    """Keep what is free for a demand locked inside, as a booking does that is not committed yet."""
    with transaction.atomic():
        assert capacity.take(wish, capacity.occupied_period(wish.server_type, wish.period))
        yield


@contextmanager
def without_the_constraint():
    drop = "ALTER TABLE reservations_allocation DROP CONSTRAINT allocation_no_overlap"
    constraint = next(item for item in Allocation._meta.constraints if item.name == "allocation_no_overlap")
    with connection.cursor() as cursor:
        cursor.execute(drop)
    try:
        yield
    finally:
        Allocation.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Allocation, constraint)


def test_the_last_servers_are_sold_once():
    factories.servers(3, with_bmc=False)
    buyers = [factories.buyer() for _ in range(RACERS)]

    outcomes = race(RACERS, orders(buyers))

    assert kinds(outcomes) == {Reservation: 3, InsufficientCapacity: RACERS - 3}
    assert Allocation.objects.values("server").distinct().count() == Allocation.objects.count() == 3
    assert {error.extra["available"] for error in outcomes if isinstance(error, InsufficientCapacity)} == {0}


def test_control_without_placing_constraint_and_calendar_they_are_sold_many_times(monkeypatch):
    factories.servers(3, with_bmc=False)
    buyers = [factories.buyer() for _ in range(RACERS)]

    with without_the_constraint(), unnoticed(), without_placing(monkeypatch):
        outcomes = race(RACERS, orders(buyers))

        assert kinds(outcomes) == {Reservation: RACERS}
        assert overlaps() == RACERS * (RACERS - 1) // 2


def test_control_without_placing_the_constraint_still_says_no(monkeypatch):
    """The constraint alone sells nothing twice; what placing adds is that all that is free finds its buyer."""
    factories.servers(3, with_bmc=False)
    buyers = [factories.buyer() for _ in range(4)]

    with without_placing(monkeypatch, racers=4):
        outcomes = race(4, orders(buyers))

    assert set(kinds(outcomes)) <= {Reservation, InsufficientCapacity, OperationalError}
    assert kinds(outcomes)[Reservation] >= 1
    assert overlaps() == 0


def test_who_wants_many_and_who_wants_few_get_what_fits():
    """Blocks of 1 to 4 from 8 servers: whoever is refused could not have been served with what was left."""
    factories.servers(8, with_bmc=False)
    buyers = [factories.buyer() for _ in range(RACERS)]
    start = clock.now() + timedelta(days=1)
    span = {"starts_at": start, "ends_at": start + timedelta(days=1)}
    wishes = [factories.request(who, count=1 + number % 4, **span) for number, who in enumerate(buyers)]

    outcomes = race(
        RACERS, lambda number: reserve(scope=buyers[number], actor=buyers[number].actor, request=wishes[number])
    )

    sold = sum(outcome.count for outcome in outcomes if isinstance(outcome, Reservation))
    refused = [wishes[i].count for i, outcome in enumerate(outcomes) if isinstance(outcome, InsufficientCapacity)]
    assert set(kinds(outcomes)) == {Reservation, InsufficientCapacity}
    assert sold == Allocation.objects.count() <= 8
    assert all(count > 8 - sold for count in refused)
    assert overlaps() == 0


def test_the_last_of_a_limit_is_given_once():
    scope = factories.buyer(limit=4)
    factories.servers(RACERS + 3, with_bmc=False)
    factories.reservation(scope, count=3, ends_at=clock.now() + timedelta(days=3))
    projects = [factories.project(scope.organization) for _ in range(RACERS)]
    scopes = [factories.scope(in_project=project) for project in projects]
    for project in projects:
        factories.ssh_key(project)

    outcomes = race(RACERS, orders(scopes))

    assert kinds(outcomes) == {Reservation: 1, QuotaExceeded: RACERS - 1}
    assert Allocation.objects.count() == 4


def test_control_without_the_lock_on_the_limit_it_is_given_many_times(monkeypatch):
    scope = factories.buyer(limit=1)
    factories.servers(RACERS, with_bmc=False)
    request = factories.request(scope)

    with without_locks_on_limits(monkeypatch):
        outcomes = race(RACERS, orders([scope] * RACERS))

    assert kinds(outcomes) == {Reservation: RACERS}
    (limit,) = quota_check.look_at_quotas(
        project=scope.project,
        server_type=request.server_type,
        region=request.region,
        count=1,
        period=Period(request.starts_at, request.ends_at),
    )
    assert (limit.used, limit.limit) == (RACERS, 1)


def test_a_name_is_given_once():
    scope = factories.buyer()
    factories.servers(8, with_bmc=False)

    outcomes = race(8, orders([scope] * 8, name="train"))

    assert kinds(outcomes) == {Reservation: 1, InvalidInput: 7}
    refusals = [error.errors[0] for error in outcomes if isinstance(error, InvalidInput)]
    assert {(error.field, error.code) for error in refusals} == {("name", "duplicate")}
    assert Allocation.objects.count() == 1


def demand_of(request):
    period = Period(request.starts_at, request.ends_at)
    return Demand(request.server_type, request.region, request.count, period, request.placement)


def test_who_finds_other_servers_free_than_those_looked_at_looks_again():
    """At every instant one server is free, but while a racer waits for it, it becomes another one."""
    scope = factories.buyer()
    first, second = factories.servers(2)
    request = factories.request(scope, starts_at=clock.now() + timedelta(days=1))
    holder = bare_reservation()
    held = occupy(holder, first, 0, 10_000)

    with all_locked(demand_of(request)):
        racer = Runner(lambda: reserve(scope=scope, actor=scope.actor, request=request))
        await_poller()
        occupy(holder, second, 0, 10_000)
        Allocation.objects.filter(pk=held.pk).update(state=AllocationState.RELEASED)

    assert racer.result().allocations.get().server == first


def test_who_waits_for_a_booking_that_is_given_up_gets_its_servers():
    """Nothing is sold out as long as somebody who has not paid yet may still step back."""
    scope = factories.buyer()
    server = factories.server()
    request = factories.request(scope)

    with all_locked(demand_of(request)):
        racer = Runner(lambda: reserve(scope=scope, actor=scope.actor, request=request))
        await_poller()
        transaction.set_rollback(True)

    assert racer.result().allocations.get().server == server


def test_servers_that_nobody_has_locked_are_sold_while_others_decide():
    """A booking that takes its time stops nobody who can have other servers, in another fabric either."""
    scope = factories.buyer()
    factories.server()
    other = factories.servers(2, in_fabric=factories.fabric("B"))
    request = factories.request(scope)

    with all_locked(demand_of(request)):
        assert reserve_apart(scope, request).allocations.get().server in other


def reserve_apart(scope, request):
    """Reserve on a connection of its own."""
    made = Runner(lambda: reserve(scope=scope, actor=scope.actor, request=request)).result()
    assert isinstance(made, Reservation), made
    return made


def test_what_the_calendar_does_not_know_is_refused_as_taken():
    """The constraint is the last to say no, and the customer reads a refusal like any other."""
    scope = factories.buyer()
    server = factories.server()
    request = factories.request(scope)
    holder = bare_reservation()
    with unnoticed():
        occupy(holder, server, 0, 10_000)

    with pytest.raises(InsufficientCapacity):
        reserve(scope=scope, actor=scope.actor, request=request)

    assert list(Reservation.objects.all()) == [holder]
    calendar.rebuild([server.pk])
    assert capacity.free_count(demand_of(request)) == 0


def test_a_start_that_two_sweeps_begin_begins_once():
    factories.servers(2)
    reservation = factories.reservation(count=2, starts_at=clock.now() + timedelta(hours=2))
    Reservation.objects.update(period=(clock.now(), clock.now() + timedelta(hours=2)))

    outcomes = race(8, lambda _: begin_provisioning(actor=SYSTEM, reservation=Reservation.objects.get()))

    assert kinds(outcomes) == {Operation: 1, type(None): 7}
    reservation.refresh_from_db()
    assert reservation.state == ReservationState.PROVISIONING
    assert Operation.objects.get().parts.count() == 2


def test_two_starts_do_not_replace_with_the_same_server():
    """Both look and find the one free server locked; the second waits its turn and looks again."""
    broken = factories.servers(2)
    buyers = [factories.buyer(), factories.buyer()]
    made = [factories.reservation(who, starts_at=clock.now() + timedelta(hours=2)) for who in buyers]
    spare = factories.server()
    Server.objects.filter(pk__in=[server.pk for server in broken]).update(state="quarantined")
    for item in made:
        Reservation.objects.filter(pk=item.pk).update(period=(clock.now(), item.span.end))

    span = Period(clock.now(), clock.now() + timedelta(hours=2))
    with all_locked(Demand(spare.server_type, spare.region, 1, span)):
        racers = [Runner(lambda item=item: begin_provisioning(actor=SYSTEM, reservation=item)) for item in made]
        await_blocked(1)

    outcomes = [racer.result() for racer in racers]
    assert kinds(outcomes) == {Operation: 1, type(None): 1}
    assert Allocation.objects.filter(server=spare).count() == 1
    states = sorted(Reservation.objects.values_list("state", flat=True))
    assert states == [ReservationState.PROVISIONING, ReservationState.SCHEDULED]
    assert not any(isinstance(outcome, OperationalError) for outcome in outcomes)
