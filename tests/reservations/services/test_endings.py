"""Ends that come by themselves: when the period is over, or when a state took too long."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.fleet.states import ServerState
from portal.operations.selectors import parts_of
from portal.operations.states import OperationState, PartState
from portal.reservations.capacity import Demand, free_count
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import due_to_end
from portal.reservations.services.lifecycle import end_due, overrun, take_back
from portal.reservations.services.shorten import shorten
from portal.reservations.services.spans import freed_until
from portal.reservations.states import HOLDING, AllocationState, ReservationState
from tests import factories, hands
from tests.hands import states, told
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
A, R = AllocationState, ReservationState


def begun_with(count=1):
    """Return a reservation with whose first server a worker has begun."""
    factories.servers(count)
    reservation = factories.reservation(count=count, starts_at=None)
    operation = hands.open_operation(reservation)
    assert hands.begin(hands.take(operation), parts_of(operation)[0])
    return reservation


def give_back(reservation):
    return take_back(actor=SYSTEM, reservation=reservation, reason="test")


def over(noon, reservation):
    noon.move_to(reservation.span.end)
    return end_due(actor=SYSTEM, reservation=reservation)


def test_the_end_comes_at_its_instant_and_not_before(noon):
    factories.server()
    reservation = hands.active()
    noon.move_to(reservation.span.end - SECOND)
    end_due(actor=SYSTEM, reservation=reservation)
    assert states(reservation) == [R.ACTIVE, (A.SERVING, ServerState.IN_USE)]
    assert not due_to_end().exists()

    noon.shift(SECOND)

    assert list(due_to_end()) == [reservation]
    end_due(actor=SYSTEM, reservation=reservation)
    assert states(reservation) == [R.ENDING, (A.CLEANING, ServerState.IN_USE)]
    assert Reservation.objects.get().state_reason == "the period is over"


def test_the_end_during_preparation_erases_what_was_begun(noon):
    reservation = begun_with(2)

    over(noon, reservation)

    assert states(reservation) == [R.ENDING, (A.CLEANING, ServerState.DEPLOYING), (A.RELEASED, ServerState.AVAILABLE)]


def test_what_never_could_begin_fails_and_says_so(noon):
    factories.server()
    reservation = factories.reservation()

    over(noon, reservation)

    assert states(reservation) == [R.FAILED, (A.RELEASED, ServerState.AVAILABLE)]
    assert Reservation.objects.get().total.amount == 0
    assert told(reservation)[-1] == "reservation.failed"


def test_what_was_only_held_expires(noon):
    factories.server()
    reservation = factories.reservation()
    Reservation.objects.update(state=R.HELD)

    over(noon, reservation)

    assert states(reservation) == [R.EXPIRED, (A.RELEASED, ServerState.AVAILABLE)]
    assert told(reservation)[-1] == "reservation.expired"


def test_the_end_comes_once(noon):
    factories.server()
    reservation = hands.active()
    over(noon, reservation)
    before = snapshot()

    end_due(actor=SYSTEM, reservation=reservation)

    assert snapshot() == before
    assert not due_to_end().exists()


def test_a_preparation_that_takes_too_long_is_taken_back(noon):
    reservation = begun_with()
    noon.move_to(Reservation.objects.get().state_deadline_at - SECOND)
    overrun(actor=SYSTEM, reservation=reservation)
    assert states(reservation)[0] == R.PROVISIONING

    noon.shift(SECOND)
    overrun(actor=SYSTEM, reservation=reservation)

    assert states(reservation) == [R.ENDING, (A.CLEANING, ServerState.DEPLOYING)]


@pytest.mark.parametrize("has_begun", [True, False])
def test_an_ending_that_takes_too_long_is_over_and_its_servers_are_quarantined(noon, has_begun):
    factories.server()
    reservation = hands.active()
    give_back(reservation)
    erasing = hands.open_operation(reservation)
    if has_begun:
        hands.begin(hands.take(erasing), parts_of(erasing)[0])
    noon.move_to(Reservation.objects.get().state_deadline_at)

    overrun(actor=SYSTEM, reservation=reservation)

    assert states(reservation) == [R.ENDED, (A.RELEASED, ServerState.QUARANTINED)]
    erasing.refresh_from_db()
    assert erasing.state == OperationState.CANCELLED
    assert {part.state for part in parts_of(erasing)} == {PartState.CANCELLED}


def test_nothing_is_overdue_without_a_deadline():
    factories.server()
    reservation = hands.active()
    before = snapshot()

    overrun(actor=SYSTEM, reservation=reservation)

    assert snapshot() == before


def test_a_server_that_is_back_early_is_free_from_then_on(noon):
    factories.server()
    reservation = hands.active()
    demand = Demand(reservation.server_type, reservation.region, 1, reservation.span)
    noon.shift(HOUR)
    give_back(reservation)
    assert free_count(demand) == 0, "it is still being erased"

    hands.work(reservation)

    assert free_count(demand) == 1
    assert Allocation.objects.get().occupied.upper == clock.now()
    assert not Allocation.objects.filter(state__in=HOLDING).exists()


def test_what_is_over_keeps_its_place_in_history():
    start = clock.now()
    occupied = Period(start, start + HOUR)

    assert freed_until(occupied, start + SECOND * 5) == Period(start, start + SECOND * 5)
    assert freed_until(occupied, start) == Period(start, start + SECOND)
    assert freed_until(occupied, start - HOUR) == Period(start, start + SECOND)
    assert freed_until(occupied, start + 2 * HOUR) == occupied


@pytest.mark.parametrize("seconds", [-1, 0])
def test_one_that_is_handed_over_early_cannot_be_ended_before_its_start(seconds):
    scope = factories.buyer()
    factories.server()
    start = clock.now() + factories.server_type().lead_time
    reservation = hands.work(factories.reservation(scope, starts_at=start, ends_at=start + 9 * HOUR))
    before = snapshot()

    with pytest.raises(InvalidInput) as caught:
        shorten(scope=scope, actor=scope.actor, reservation=reservation, ends_at=start + seconds * SECOND)

    assert [(error.field, error.code) for error in caught.value.errors] == [("ends_at", "too_short")]
    assert (snapshot(), states(reservation)[0]) == (before, R.ACTIVE)
