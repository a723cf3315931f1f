"""An action and the end of its reservation, or another action, at the same time. The control takes the lock away."""

import pytest
from django.db import transaction

from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.operations.models import Operation
from portal.operations.states import OPEN_OPERATION, OperationKind
from portal.reservations.models import Reservation
from portal.reservations.services import actions
from portal.reservations.services.actions import order
from portal.reservations.services.lifecycle import take_back
from portal.reservations.states import ReservationState
from tests import factories, hands
from tests.racing import Runner, await_blocked, kinds, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held():
    factories.server()
    return hands.active().allocations.get()


def cycle(held):
    return order(actor=SYSTEM, allocation=held, kind=OperationKind.POWER_CYCLE)


def give_back(held):
    return take_back(actor=SYSTEM, reservation=held.reservation, reason="test")


def open_kinds():
    return list(Operation.objects.filter(state__in=OPEN_OPERATION).values_list("kind", flat=True))


def test_of_many_actions_on_one_server_one_is_done(held):
    outcomes = race(6, lambda _: cycle(held))

    assert kinds(outcomes) == {Operation: 1, StateConflict: 5}
    assert open_kinds() == ["power_cycle"]


def test_an_end_that_waits_for_an_action_calls_it_off(held):
    with transaction.atomic():
        cycle(held)
        ending = Runner(give_back, held)
        await_blocked(1)

    assert ending.result().state == ReservationState.ENDING
    assert open_kinds() == ["release"]


def test_an_action_that_waits_for_the_end_is_refused(held):
    with transaction.atomic():
        give_back(held)
        action = Runner(cycle, held)
        await_blocked(1)

    assert isinstance(action.result(), StateConflict)
    assert open_kinds() == ["release"]


def test_control_without_the_lock_the_action_is_queued_behind_the_end(held, monkeypatch):
    """What the lock prevents: a reservation that ends, and a power cycle that nobody calls off."""
    monkeypatch.setattr(actions, "locked", lambda reservation, states: Reservation.objects.get(pk=reservation.pk))
    monkeypatch.setattr(actions, "lock_row", lambda model, pk: model.objects.get(pk=pk))
    with transaction.atomic():
        ended = Runner(lambda: None)
        ended.result()
        give_back(held)
        action = Runner(cycle, held)
        await_blocked(1)
        transaction.set_rollback(True)

    assert isinstance(action.result(), Operation)
    assert open_kinds() == ["power_cycle"]
