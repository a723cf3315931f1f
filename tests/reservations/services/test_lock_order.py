"""Whoever takes several locks takes them in one order, so that two who meet wait, and neither is a deadlock's victim.

Each race has its control: the same meeting with the order given up.
"""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.locks import lock_rows
from portal.core.repeating import repeated
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.states import OperationState
from portal.reservations import calendar, capacity
from portal.reservations.models import Allocation, Pool, Reservation
from portal.reservations.services import holds, lifecycle, rebind, stops
from portal.reservations.services.reserve import reserve
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import ReservationState
from provisioning import drive, outcomes, reconcile
from tests import factories, hands
from tests.racing import PATIENCE_S, Runner, await_blocked

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@transaction.atomic
def lock_all_servers():
    return len(lock_rows(Server.objects.all()))


def met_before(monkeypatch, module, name, call):
    """Let somebody lock all servers before the n-th call of a function, and go on when he waits or is done."""
    real, calls, met = getattr(module, name), [], []

    def meet(*args, **kwargs):
        calls.append(True)
        if len(calls) == call:
            met.append(Runner(lock_all_servers))
            await_blocked(1, unless=lambda: not met[0].is_alive())
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, meet)
    return met


def lock_no_servers(monkeypatch, module):
    """Give up the lock on all servers at once that a module takes before it locks each."""
    real = module.lock_rows
    monkeypatch.setattr(module, "lock_rows", lambda rows: [] if rows.model is Server else real(rows))


def deadlocks(act, others):
    """Do ``act``; return how many of it and the others were the victim of a deadlock."""
    try:
        act()
        mine = None
    except OperationalError as error:
        mine = error
    assert others, "nobody met"
    outcomes = [mine, *(other.result() for other in others)]
    return sum(isinstance(getattr(found, "__cause__", None), DeadlockDetected) for found in outcomes)


def backwards(allocations):
    """Give the allocations one another's servers, so that their order is not that of the servers."""
    rows = list(allocations.order_by("pk"))
    servers = [row.server_id for row in rows]
    allocations.all().delete()
    for row, server in zip(rows, reversed(servers), strict=True):
        row.pk, row.server_id = None, server
        row.save(force_insert=True)


def erasing():
    """Return a reservation of two servers, the later one first, that are to be erased."""
    factories.servers(2)
    reservation = factories.reservation(count=2)
    backwards(reservation.allocations)
    with time_machine.travel(reservation.span.start, tick=False):
        begin_provisioning(actor=SYSTEM, reservation=reservation)
        hands.work(reservation)
        return lifecycle.take_back(actor=SYSTEM, reservation=reservation, reason="test")


def overrun(reservation):
    with time_machine.travel(reservation.state_deadline_at + HOUR, tick=False):
        lifecycle.overrun(actor=SYSTEM, reservation=reservation)


def test_who_locks_servers_waits_for_erasures_that_are_given_up(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, lifecycle, "advance", 2)

    assert deadlocks(lambda: overrun(reservation), met) == 0
    assert hands.states(reservation)[0] == ReservationState.ENDED


def test_control_erasures_given_up_one_by_one_deadlock_with_who_locks_servers(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, lifecycle, "advance", 2)
    lock_no_servers(monkeypatch, lifecycle)

    assert deadlocks(lambda: overrun(reservation), met) == 1


def stop(reservation):
    operation = hands.open_operation(reservation)
    stops.stop_operation(actor=SYSTEM, operation=operation, reason="test")


def test_who_locks_servers_waits_for_an_erasure_that_staff_stops(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, stops, "give_up_erasure", 2)

    assert deadlocks(lambda: stop(reservation), met) == 0
    assert hands.states(reservation)[0] == ReservationState.ENDED


def test_control_an_erasure_stopped_server_by_server_deadlocks(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, stops, "give_up_erasure", 2)
    lock_no_servers(monkeypatch, stops)

    assert deadlocks(lambda: stop(reservation), met) == 1


def time_out(reservation):
    operation = hands.open_operation(reservation)
    with time_machine.travel(operation.not_before, tick=False):
        claim = hands.take(operation)
        for part in operation.parts.order_by("position"):
            hands.begin(claim, part)
    operation.refresh_from_db()
    with time_machine.travel(operation.state_deadline_at + HOUR, tick=False):
        reconcile._time_out(operation)


def test_who_locks_servers_waits_for_an_operation_that_ends(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, outcomes, "tell", 1)

    assert deadlocks(lambda: time_out(reservation), met) == 0
    assert Operation.objects.latest("pk").state == OperationState.TIMED_OUT
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.QUARANTINED}


def test_control_an_operation_that_ends_server_by_server_deadlocks(monkeypatch):
    reservation = erasing()
    met = met_before(monkeypatch, outcomes, "tell", 1)
    lock_no_servers(monkeypatch, drive)

    assert deadlocks(lambda: time_out(reservation), met) == 1


def run_out():
    """Return what reserves, in a transaction of its own, two servers that two holds keep, and when these run out."""
    factories.servers(2, with_bmc=False)
    begin = clock.now() + DAY
    span = {"starts_at": begin, "ends_at": begin + 4 * HOUR}
    until = max(factories.hold(**span).expires_at, factories.hold(**span).expires_at)
    backwards(Allocation.objects.all())
    buyer = factories.buyer()
    request = factories.request(buyer, count=2, **span)

    @transaction.atomic
    def act():
        return reserve(scope=buyer, actor=buyer.actor, request=request)

    return act, until


def test_holds_that_ran_out_are_let_go_one_by_one_outside_of_who_needs_their_servers(monkeypatch):
    act, until = run_out()
    met = met_before(monkeypatch, holds, "release_hold", 2)

    with time_machine.travel(until, tick=False):
        assert deadlocks(lambda: repeated(act), met) == 0
    assert sorted(Reservation.objects.values_list("state", flat=True)) == ["expired", "expired", "scheduled"]


def test_control_holds_let_go_in_one_transaction_deadlock(monkeypatch):
    act, until = run_out()
    met = met_before(monkeypatch, holds, "release_hold", 2)

    with time_machine.travel(until, tick=False):
        assert deadlocks(act, met) == 1


def replace_and_move():
    """Let a broken server be replaced while somebody has the pool's turn and then needs that server.

    The only other server is being looked at by a third one. Return how many deadlocks there were.
    """
    factories.servers(2, with_bmc=False)
    reservation = factories.reservation(starts_at=clock.now() + DAY)
    allocation = reservation.allocations.get()
    Server.objects.filter(pk=allocation.server_id).update(state=ServerState.QUARANTINED)
    has_turn, may_go_on = threading.Event(), threading.Event()

    @transaction.atomic
    def move():
        calendar.wait_for_turns(Pool.objects.values_list("pk", flat=True))
        has_turn.set()
        assert may_go_on.wait(PATIENCE_S)
        lock_rows(Server.objects.filter(pk=allocation.server_id))

    demand = holds.asked_by(factories.quote(starts_at=reservation.span.start, ends_at=reservation.span.end))
    with transaction.atomic():
        assert capacity.take(demand, capacity.occupied_period(demand.server_type, demand.period))
        mover = Runner(move)
        assert has_turn.wait(PATIENCE_S)
        replacer = Runner(lambda: rebind.rebind(actor=SYSTEM, allocation=allocation))
        await_blocked(1)
        may_go_on.set()
        mover.join(PATIENCE_S)
    return deadlocks(lambda: None, [mover, replacer]), replacer.result()


def test_a_replacement_takes_its_turn_before_it_holds_a_server():
    assert replace_and_move() == (0, True)


def test_control_without_the_turn_a_replacement_and_a_move_deadlock(monkeypatch):
    monkeypatch.setattr(rebind, "lock_replaced", lambda _, rows: lock_rows(Server.objects.filter(pk=rows[0].server_id)))

    assert replace_and_move()[0] == 1
