"""The tables of states fit together, and every state that is not final is somebody's to end."""

from datetime import timedelta
from itertools import product

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.states import Nature
from portal.fleet.models import Server
from portal.fleet.states import SERVER, ServerState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import contradictions, due_to_end, orphaned_servers, overdue_reservations
from portal.reservations.services import lifecycle
from portal.reservations.states import (
    ALLOCATION,
    ALLOCATIONS_OF,
    HOLDERS_OF,
    HOLDING,
    LIVE,
    RESERVATION,
    TO_COME,
    AllocationState,
    ReservationState,
)
from tests import factories
from tests.reservations.calendars import bare_reservation, occupy

UNFINISHED = [state for state in ReservationState if RESERVATION.states[state].nature is not Nature.FINAL]
FINAL = RESERVATION.named(Nature.FINAL)


def test_every_state_is_in_its_table():
    assert set(RESERVATION.states) == set(ReservationState)
    assert set(ALLOCATION.states) == set(AllocationState)
    assert set(ALLOCATIONS_OF) == set(ReservationState)
    assert set(HOLDERS_OF) <= set(ServerState)


def test_an_allocation_holds_its_server_until_it_is_final():
    assert set(HOLDING) == set(ALLOCATION.states) - set(ALLOCATION.named(Nature.FINAL))


def test_a_reservation_lives_until_it_is_final():
    assert set(LIVE) == set(RESERVATION.states) - set(FINAL)


@pytest.mark.parametrize("state", FINAL)
def test_what_is_over_holds_no_server(state):
    assert not set(ALLOCATIONS_OF[state]) & set(HOLDING)


@pytest.mark.parametrize("state", UNFINISHED)
def test_what_is_not_over_may_hold_servers(state):
    assert set(ALLOCATIONS_OF[state]) & set(HOLDING)


@pytest.mark.parametrize("state", ReservationState)
def test_from_one_state_to_the_next_the_allocations_can_follow(state):
    """Each allocation that is legal before can become, or is, one that is legal afterwards."""
    for after in RESERVATION.states[state].then:
        for allocation in ALLOCATIONS_OF[state]:
            assert ALLOCATION.reachable(allocation) & set(ALLOCATIONS_OF[after]), (state, after, allocation)


def test_what_is_to_come_is_all_that_leads_to_a_hand_over():
    assert set(TO_COME) == {
        state for state in ReservationState if ReservationState.ACTIVE in RESERVATION.reachable(state) - {state}
    }


@pytest.mark.parametrize("state", HOLDERS_OF)
def test_a_tenants_system_is_on_the_disk_in_the_states_that_need_a_holder(state):
    """From there a server gets back into the pool by erasing only."""
    without_erasing = SERVER.reachable(state) - SERVER.reachable(ServerState.RELEASING)
    assert ServerState.AVAILABLE not in without_erasing
    assert set(HOLDERS_OF[state]) <= set(HOLDING)


@pytest.mark.django_db
def test_a_contradiction_is_what_the_table_does_not_allow():
    allocation = occupy(bare_reservation(), factories.server(), 0, 9)

    for state, allocation_state in product(ReservationState, AllocationState):
        Reservation.objects.update(state=state)
        Allocation.objects.update(state=allocation_state)
        expected = [] if allocation_state in ALLOCATIONS_OF[state] else [allocation]
        assert list(contradictions()) == expected, (state, allocation_state)


@pytest.mark.django_db
def test_a_server_in_use_without_a_holder_is_an_orphan():
    held, bare = factories.servers(2)
    occupy(bare_reservation(), held, 0, 9)

    for server_state, allocation_state in product(ServerState, AllocationState):
        Server.objects.update(state=server_state)
        Allocation.objects.update(state=allocation_state)
        needs_one = server_state in HOLDERS_OF
        expected = [held] if needs_one and allocation_state not in HOLDERS_OF[server_state] else []
        assert list(orphaned_servers()) == expected + [bare] * needs_one, (server_state, allocation_state)


@pytest.mark.django_db
@pytest.mark.parametrize("state", UNFINISHED)
def test_every_state_that_is_not_final_is_ended_by_the_sweep(state):
    """A reservation far past all of its times is found, moves on, and in a few rounds is final with nothing held."""
    deadline = RESERVATION.states[state].deadline
    past = clock.now() - timedelta(days=2)
    reservation = bare_reservation(state, state_deadline_at=past + deadline if deadline else None)
    type(reservation).objects.update(period=(past, past + timedelta(hours=1)))
    server_state = ServerState.IN_USE if state in ("active", "ending") else ServerState.AVAILABLE
    legal = next(item for item in ALLOCATIONS_OF[state] if item in HOLDING)
    occupy(reservation, factories.server(state=server_state), -99, -9, legal)

    for _ in range(3):
        for row in due_to_end():
            lifecycle.end_due(actor=SYSTEM, reservation=row)
        type(reservation).objects.filter(state=ReservationState.ENDING).update(state_deadline_at=past)
        for row in overdue_reservations():
            lifecycle.overrun(actor=SYSTEM, reservation=row)

    reservation.refresh_from_db()
    assert reservation.state in FINAL
    assert not Allocation.objects.filter(state__in=HOLDING).exists()
    assert not contradictions().exists()
    assert not orphaned_servers().exists()
