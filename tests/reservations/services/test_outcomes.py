"""What became of the servers: handed over, failed, erased, or kept out of the pool; and each of it once."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet import services as fleet
from portal.fleet.models import POOL_STATES, Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import events_of, parts_of
from portal.operations.services import claims
from portal.operations.services.erasing import erase_anew
from portal.operations.states import OperationState
from portal.reservations.models import Allocation
from portal.reservations.services import outcomes
from portal.reservations.services.lifecycle import take_back
from portal.reservations.states import AllocationState, ReservationState
from provisioning import reconcile
from provisioning.outcomes import outcome_of
from tests import factories, hands
from tests.hands import states, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

HOUR = timedelta(hours=1)
A, R = AllocationState, ReservationState


def starting(count=1):
    factories.servers(count)
    return factories.reservation(count=count, starts_at=None)


def ending(count=1, failing=()):
    factories.servers(count)
    reservation = hands.active(count=count, failing=failing)
    return take_back(actor=SYSTEM, reservation=reservation, reason="test")


def test_all_servers_are_handed_over():
    reservation = hands.work(starting(2))

    assert states(reservation) == [R.ACTIVE, *[(A.SERVING, ServerState.IN_USE)] * 2]
    assert (reservation.degraded, reservation.state_reason) == (False, "")
    row = reservation.allocations.first()
    assert (row.ready_at, row.ssh_user) == (clock.now(), reservation.image.default_user)
    last = events_of(reservation.public_id).last()
    assert (last.type, last.message) == ("reservation.active", "2 of 2 servers are handed over.")


def test_one_that_fails_does_not_stop_the_others():
    reservation = hands.work(starting(3), failing=[1])

    assert states(reservation) == [
        R.ACTIVE,
        (A.SERVING, ServerState.IN_USE),
        (A.FAILED, ServerState.DEPLOY_FAILED),
        (A.SERVING, ServerState.IN_USE),
    ]
    assert (reservation.degraded, reservation.state_reason) == (True, "1 of 3 servers failed")
    assert Allocation.objects.get(state=A.FAILED).state_reason == "The server reported an error."
    assert told(reservation).count("server.failed") == 1


def test_when_all_fail_the_reservation_fails_and_costs_nothing():
    reservation = hands.work(starting(2), failing=[0, 1])

    assert states(reservation) == [R.FAILED, *[(A.FAILED, ServerState.DEPLOY_FAILED)] * 2]
    assert (reservation.total.amount, reservation.degraded) == (0, False)
    assert events_of(reservation.public_id).last().message.endswith("You are not charged.")


def test_a_server_that_failed_is_sold_to_nobody_before_its_erasure_is_proved(noon):
    """It may hold the tenant's data: its deadline quarantines it, and only proof brings it back."""
    hands.work(starting(), failing=[0])
    server = Server.objects.get()
    assert server.state not in POOL_STATES

    noon.move_to(server.state_deadline_at + timedelta(seconds=1))
    reconcile.overrun_servers()

    server.refresh_from_db()
    assert server.state == ServerState.QUARANTINED
    operation = erase_anew(actor=SYSTEM, server=server, reason="looked at")
    claim = hands.take(operation)
    (part,) = parts_of(operation)
    assert hands.begin(claim, part)
    hands.prove(part, residue_bytes=1)
    with pytest.raises(StateConflict):
        fleet.return_to_pool(actor=SYSTEM, server=server, operation_id=operation.public_id)
    hands.fail(claim, part, "erase_unproved")
    assert Server.objects.get().state == ServerState.QUARANTINED


def test_a_server_that_nobody_waits_for_is_not_handed_over():
    reservation = starting()
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    (part,) = parts_of(operation)
    hands.begin(claim, part)
    Allocation.objects.update(state=A.RELEASED)

    with pytest.raises(StateConflict):
        hands.succeed(claim, part)

    assert Server.objects.get().state == ServerState.DEPLOYING
    Allocation.objects.update(state=A.BOOKED)


def test_all_servers_come_back():
    reservation = hands.work(ending(2))

    assert states(reservation) == [R.ENDED, *[(A.RELEASED, ServerState.AVAILABLE)] * 2]
    assert told(reservation)[-1] == "reservation.ended"


def test_one_whose_erasure_fails_is_quarantined_and_the_reservation_is_over():
    reservation = hands.work(ending(2), failing=[0])

    assert states(reservation) == [
        R.ENDED,
        (A.RELEASED, ServerState.QUARANTINED),
        (A.RELEASED, ServerState.AVAILABLE),
    ]
    (event,) = [event for event in events_of(reservation.public_id) if event.type == "server.quarantined"]
    assert event.message == ("The server reported an error. The server stays out of use until it is proven clean.")


@pytest.mark.parametrize("kind", ["deploy", "release"])
@pytest.mark.parametrize("has_begun", [False, True])
def test_an_operation_that_times_out_leaves_nothing_open(noon, kind, has_begun):
    """Also when no worker ever came: the servers of a release are still in use then, and must not stay so."""
    reservation = starting() if kind == "deploy" else ending()
    operation = hands.open_operation(reservation)
    if has_begun:
        claim = hands.take(operation)
        assert hands.begin(claim, parts_of(operation)[0])
        claims.give_back(claim=claim)
    operation.refresh_from_db()
    noon.move_to(operation.state_deadline_at + timedelta(seconds=1))

    assert reconcile.time_out_operations() == 1

    operation.refresh_from_db()
    assert operation.state == OperationState.TIMED_OUT
    server = ServerState.DEPLOY_FAILED if has_begun else ServerState.AVAILABLE
    assert states(reservation) == (
        [R.FAILED, (A.FAILED, server)] if kind == "deploy" else [R.ENDED, (A.RELEASED, ServerState.QUARANTINED)]
    )


@pytest.mark.parametrize("kind", ["deploy", "release"])
def test_workers_lost_too_often_leave_nothing_open(noon, kind):
    reservation = starting() if kind == "deploy" else ending()
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    hands.begin(claim, parts_of(operation)[0])
    noon.move_to(claim.expires_at)
    claims.take_away(operation_pk=operation.pk, may_repeat=True, attempts=1)

    hands.finish(hands.take(operation, "w2"), operation)

    assert states(reservation) == (
        [R.FAILED, (A.FAILED, ServerState.DEPLOY_FAILED)]
        if kind == "deploy"
        else [R.ENDED, (A.RELEASED, ServerState.QUARANTINED)]
    )
    failed = next(event for event in events_of(reservation.public_id) if event.type == "server.failed")
    assert failed.message == "The worker was lost too often."


def failed_and_gone(reservation, state):
    """Fail the first server's part; the server is then with somebody else, while the operation goes on."""
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    first, second = parts_of(operation)
    hands.begin(claim, first)
    hands.fail(claim, first)
    Server.objects.filter(pk=first.server_id).update(state=ServerState.AVAILABLE)
    scope = factories.buyer()
    other = factories.reservation(scope, starts_at=None)
    assert other.allocations.get().server == first.server
    if state == ServerState.IN_USE:
        hands.work(other)
    else:
        theirs = hands.open_operation(other)
        hands.begin(hands.take(theirs), parts_of(theirs)[0])
    hands.begin(claim, second)
    hands.succeed(claim, second)
    hands.finish(claim, operation)
    return first


@pytest.mark.parametrize("state", [ServerState.DEPLOYING, ServerState.IN_USE])
@pytest.mark.parametrize("kind", ["deploy", "release"])
def test_the_end_of_an_operation_leaves_a_server_alone_that_is_with_somebody_else(kind, state):
    reservation = starting(2) if kind == "deploy" else ending(2)

    part = failed_and_gone(reservation, state)

    assert Server.objects.get(pk=part.server_id).state == state
    holding = {ServerState.DEPLOYING: A.BOOKED, ServerState.IN_USE: A.SERVING}[state]
    assert Allocation.objects.get(server=part.server_id, state=holding).reservation != reservation


def test_the_end_of_an_erasure_leaves_a_server_alone_that_is_being_erased_anew():
    server = factories.server(state=ServerState.QUARANTINED)
    first = erase_anew(actor=SYSTEM, server=server, reason="looked at")
    claim = hands.take(first)
    (part,) = parts_of(first)
    hands.begin(claim, part)
    hands.fail(claim, part)
    again = erase_anew(actor=SYSTEM, server=Server.objects.get(), reason="looked at again")
    hands.finish(claim, first)

    assert Server.objects.get().state == ServerState.RELEASING
    hands.begin(hands.take(again), parts_of(again)[0])
    assert not events_of("").exists()


@pytest.mark.parametrize("kind", ["deploy", "release"])
def test_what_follows_may_be_asked_for_twice(kind):
    reservation = starting(2) if kind == "deploy" else ending(2)
    hands.work(reservation, failing=[0])
    operation = Operation.objects.order_by("pk").last()
    before = [states(reservation), told(reservation)]

    for part in parts_of(operation):
        outcome_of(kind).failed(part)
    outcome_of(kind).finished(operation)

    assert [states(reservation), told(reservation)] == before


def test_an_operation_for_nobody_changes_no_reservation():
    reservation = starting()
    operation = erase_anew(actor=SYSTEM, server=factories.server(state=ServerState.QUARANTINED), reason="test")
    before = states(reservation)

    outcomes.deploy_finished(operation=operation)
    outcomes.release_finished(operation=operation)

    assert states(reservation) == before


def test_a_server_that_is_not_ready_fails_alone_and_is_left_as_it_was():
    reservation = starting(2)
    taken = reservation.allocations.first().server
    Server.objects.filter(pk=taken.pk).update(state=ServerState.MAINTENANCE)

    hands.work(reservation)

    assert states(reservation) == [R.ACTIVE, (A.FAILED, ServerState.MAINTENANCE), (A.SERVING, ServerState.IN_USE)]
    assert Allocation.objects.get(state=A.FAILED).state_reason == "The server was not free to be deployed."
