"""Cancelling and ending: what was begun with is erased, what was not returns at once, and twice is as good as once."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.errors import ClaimLost, Forbidden, NotFound, StateConflict
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import parts_of
from portal.operations.services import claims, steps
from portal.operations.states import OPEN_OPERATION, OperationState
from portal.reservations.capacity import Demand, free_count
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.lifecycle import cancel, release
from portal.reservations.states import RESERVATION, AllocationState, ReservationState
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.scope import Scope
from tests import factories, hands
from tests.hands import states, told
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
A, R = AllocationState, ReservationState


def now(count=1, scope=None):
    """Return a reservation that is being prepared."""
    factories.servers(count)
    return factories.reservation(scope or factories.buyer(), count=count, starts_at=None)


def later(count=1, scope=None):
    factories.servers(count)
    return factories.reservation(scope or factories.buyer(), count=count)


def owner(reservation):
    return factories.scope(in_project=reservation.project)


def call_off(reservation):
    who = owner(reservation)
    return cancel(scope=who, actor=who.actor, reservation=reservation)


def give_back(reservation):
    who = owner(reservation)
    return release(scope=who, actor=who.actor, reservation=reservation)


def refused(kind, act, *args, **kwargs):
    """Return the refusal of an act, after which nothing has changed."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        act(*args, **kwargs)
    assert snapshot() == before
    return caught.value


def test_what_has_not_begun_is_called_off_and_its_servers_are_free_at_once():
    reservation = later(2)
    demand = Demand(reservation.server_type, reservation.region, 2, reservation.span)
    assert free_count(demand) == 0

    call_off(reservation)

    assert states(reservation) == [R.CANCELLED, *[(A.RELEASED, ServerState.AVAILABLE)] * 2]
    assert free_count(demand) == 2
    assert told(reservation) == ["reservation.confirmed", "reservation.cancelled"]
    assert not Operation.objects.exists()


def test_what_is_being_prepared_is_erased_where_it_was_begun_and_returns_at_once_where_not():
    reservation = now(3)
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    done, begun, _ = parts_of(operation)
    hands.begin(claim, done)
    hands.succeed(claim, done)
    hands.begin(claim, begun)

    call_off(reservation)

    assert states(reservation) == [
        R.ENDING,
        (A.CLEANING, ServerState.IN_USE),
        (A.CLEANING, ServerState.DEPLOYING),
        (A.RELEASED, ServerState.AVAILABLE),
    ]
    operation.refresh_from_db()
    assert (operation.state, operation.claimed_by) == (OperationState.CANCELLED, "")
    erasing = hands.open_operation(reservation)
    assert (erasing.kind, [part.server for part in parts_of(erasing)]) == ("release", [done.server, begun.server])
    assert Reservation.objects.get().total.amount == 0, "it was never handed over"


def test_nothing_is_erased_while_a_worker_may_still_be_imaging(noon):
    reservation = now()
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    hands.begin(claim, parts_of(operation)[0])

    call_off(reservation)

    erasing = hands.open_operation(reservation)
    assert erasing.not_before == claim.expires_at > clock.now()
    assert claims.take(operation_pk=erasing.pk, worker="w2") is None
    assert claims.renew(claim=claim) is None
    with pytest.raises(ClaimLost):
        steps.begin_work(claim=claim, part_pks=[], stage="installer", time_limit=HOUR)
    noon.move_to(claim.expires_at)
    assert claims.take(operation_pk=erasing.pk, worker="w2") is not None


def test_without_a_worker_the_erasure_may_begin_at_once():
    reservation = now()
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    hands.begin(claim, parts_of(operation)[0])
    claims.give_back(claim=claim)

    call_off(reservation)

    assert hands.open_operation(reservation).not_before == clock.now()


def test_an_expired_lease_does_not_hold_up_the_erasure(noon):
    reservation = now()
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    hands.begin(claim, parts_of(operation)[0])
    noon.move_to(claim.expires_at + HOUR)

    call_off(reservation)

    assert hands.open_operation(reservation).not_before == clock.now()


def test_what_nobody_has_begun_with_is_over_at_once():
    reservation = now(2)

    call_off(reservation)

    assert states(reservation) == [R.ENDED, *[(A.RELEASED, ServerState.AVAILABLE)] * 2]
    assert not Operation.objects.filter(state__in=OPEN_OPERATION).exists()
    assert told(reservation)[-2:] == ["reservation.ending", "reservation.ended"]


def test_a_server_that_failed_meanwhile_stays_out_of_the_pool():
    reservation = now(2)
    operation = hands.open_operation(reservation)
    claim = hands.take(operation)
    failed, begun = parts_of(operation)
    hands.begin(claim, failed)
    hands.fail(claim, failed)
    hands.begin(claim, begun)

    call_off(reservation)

    assert states(reservation)[1:] == [(A.FAILED, ServerState.DEPLOY_FAILED), (A.CLEANING, ServerState.DEPLOYING)]
    assert [part.server for part in parts_of(hands.open_operation(reservation))] == [begun.server]


def test_an_active_reservation_is_released_erased_and_over():
    factories.servers(2)
    reservation = hands.active(count=2)

    give_back(reservation)

    assert states(reservation) == [R.ENDING, *[(A.CLEANING, ServerState.IN_USE)] * 2]
    hands.work(reservation)
    assert states(reservation) == [R.ENDED, *[(A.RELEASED, ServerState.AVAILABLE)] * 2]
    assert told(reservation)[-4:] == ["reservation.ending", "server.returned", "server.returned", "reservation.ended"]
    assert Reservation.objects.get().total.amount == reservation.price


def test_a_degraded_reservation_ends_without_the_server_that_failed():
    factories.servers(2)
    reservation = hands.active(count=2, failing=[0])
    assert reservation.degraded

    give_back(reservation)
    hands.work(reservation)

    assert states(reservation) == [
        R.ENDED,
        (A.FAILED, ServerState.DEPLOY_FAILED),
        (A.RELEASED, ServerState.AVAILABLE),
    ]


CANCELLABLE = {state for state in R if R.CANCELLED in RESERVATION.states[state].then} | {R.PROVISIONING}


@pytest.mark.parametrize("state", sorted(set(R) - CANCELLABLE))
def test_what_cannot_be_cancelled_is_refused(state):
    reservation = later()
    Allocation.objects.all().delete()
    Reservation.objects.update(state=state)

    error = refused(StateConflict, call_off, reservation)

    assert error.extra["state"] == state


@pytest.mark.parametrize("state", sorted(set(R) - {R.ACTIVE}))
def test_only_what_is_active_is_released(state):
    reservation = later()
    Allocation.objects.all().delete()
    Reservation.objects.update(state=state)

    assert refused(StateConflict, give_back, reservation).extra == {"state": state}


def test_asked_twice_the_second_is_refused_and_changes_nothing():
    factories.server()
    reservation = hands.active()
    give_back(reservation)

    refused(StateConflict, give_back, reservation)
    refused(StateConflict, call_off, reservation)

    other = later()
    call_off(other)
    refused(StateConflict, call_off, other)


@pytest.mark.parametrize("act", [cancel, release])
@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_end_do(act, role):
    factories.server()
    reservation = hands.active() if act is release else later()
    who = owner(reservation)
    other = Scope(who.actor, who.project, role)

    if Verb.RELEASE in MAY[role]:
        assert act(scope=other, actor=who.actor, reservation=reservation).state in (R.CANCELLED, R.ENDING)
    else:
        refused(Forbidden, act, scope=other, actor=who.actor, reservation=reservation)


@pytest.mark.parametrize("act", [cancel, release])
def test_another_projects_reservation_is_not_there(act):
    factories.server()
    reservation = hands.active() if act is release else later()
    sister = factories.scope(in_project=factories.project(reservation.organization))
    stranger = factories.scope()

    for who in (sister, stranger):
        refused(NotFound, act, scope=who, actor=who.actor, reservation=reservation)
