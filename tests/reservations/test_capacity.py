"""What is free when, against an oracle that tries every instant."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.periods import Period
from portal.fleet.models import ServerType
from portal.fleet.states import ServerState
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind
from portal.reservations.capacity import READY_MARGIN, Demand, fits, free_count, next_fit, occupied_period
from portal.reservations.models import Allocation, Placement
from portal.reservations.request import MAX_AHEAD
from portal.reservations.states import HOLDING, AllocationState
from tests import factories
from tests.reservations.calendars import STEP, at, bare_reservation, free_servers, occupy, undone
from tests.reservations.oracle import FreeServer, choose, most

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

LEAD, CLEANUP = 2, 3
"""In steps, as every length here."""


def kind():
    return factories.server_type(lead_time=LEAD * STEP, cleanup_time=CLEANUP * STEP)


def demand(first=10, length=4, count=1, placement=Placement.ANY):
    return Demand(kind(), factories.region(), count, Period(at(first), at(first + length)), placement)


def test_a_period_is_held_with_its_preparation_and_its_clean_up():
    assert occupied_period(kind(), Period(at(10), at(14))) == Period(at(8), at(17))


def test_preparation_is_held_only_as_far_as_it_is_still_to_come():
    assert occupied_period(kind(), Period(at(1), at(4))) == Period(at(0), at(7))
    assert occupied_period(kind(), Period(at(0), at(4))) == Period(at(0), at(7))


@pytest.mark.parametrize("first,last,is_free", [(0, 8, True), (0, 9, False), (17, 20, True), (16, 20, False)])
def test_touching_is_free_and_the_least_overlap_is_not(first, last, is_free):
    kind()
    server = factories.server()
    occupy(bare_reservation(), server, first, last)

    assert free_servers(demand()) == ([FreeServer(server.pk, server.fabric_id)] if is_free else [])


@pytest.mark.parametrize("state", AllocationState)
def test_only_holding_allocations_hold(state):
    kind()
    occupy(bare_reservation(), factories.server(), 0, 30, state)

    assert free_count(demand()) == (0 if state in HOLDING else 1)


@pytest.mark.parametrize("state", ServerState)
def test_now_only_what_is_available_is_sold_and_later_what_will_be(state):
    kind()
    factories.server(state=state)
    will_be = (ServerState.AVAILABLE, ServerState.DEPLOYING, ServerState.IN_USE, ServerState.RELEASING)

    assert free_count(demand(first=0)) == (state == ServerState.AVAILABLE)
    assert free_count(demand(first=LEAD)) == (state == ServerState.AVAILABLE), "its preparation begins now"
    assert free_count(demand(first=LEAD + 1)) == (state in will_be)


def test_a_server_that_an_operation_works_on_is_not_sold_now():
    kind()
    server = factories.server()
    queue_operation(actor=SYSTEM, kind=OperationKind.RELEASE, servers=[(server, "h")])

    assert free_count(demand(first=0)) == 0
    assert free_count(demand(first=LEAD + 1)) == 1


def test_other_types_and_regions_do_not_count():
    kind()
    factories.server(of_type=factories.server_type("other"))
    factories.server(in_fabric=factories.fabric("S", factories.region("south-1")))

    assert free_servers(demand()) == []


# One calendar: for each of some servers its fabric and the spans in which it is held.
spans = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=3)
calendars = st.lists(st.tuples(st.sampled_from("AB"), spans), min_size=1, max_size=4)
counts = st.integers(1, 3)
placements = st.sampled_from(Placement.values)


def write(calendar):
    """Write a calendar as rows; return what is held: ``{FreeServer: [(first, last)]}``."""
    kind()
    reservation = bare_reservation()
    held = {}
    for name, wishes in calendar:
        server = factories.server(in_fabric=factories.fabric(name), with_bmc=False)
        mine = held[FreeServer(server.pk, server.fabric_id)] = []
        for first, length in sorted(wishes):
            if not mine or mine[-1][1] <= first:
                mine.append((first, first + length))
                occupy(reservation, server, first, first + length)
    return held


def free_by_looking(held, first, length):
    """Look at every single step of the time that would be needed."""
    needed = range(max(0, first - LEAD), first + length + CLEANUP)
    return [s for s, mine in held.items() if not any(a <= step < b for a, b in mine for step in needed)]


@settings(max_examples=40)
@given(calendars, st.integers(0, 30), st.integers(1, 6), counts, placements)
def test_the_free_count_is_never_wrong(calendar, first, length, count, placement):
    with undone():
        held = write(calendar)
        wish = demand(first, length, count, placement)
        expected = free_by_looking(held, first, length)

        assert free_servers(wish) == expected
        assert fits(wish) == (choose(expected, count, same_fabric=wish.same_fabric) is not None)
        assert free_count(wish) == most(expected, same_fabric=wish.same_fabric)


@settings(max_examples=60)
@given(calendars, st.integers(0, 30), st.integers(1, 6), counts, placements)
def test_the_next_fit_is_the_earliest_instant_at_which_trying_finds_enough(calendar, first, length, count, placement):
    with undone():
        held = write(calendar)
        wish = demand(first, length, count, placement)
        if fits(wish):
            return

        def fits_at(start):
            return choose(free_by_looking(held, start, length), count, same_fabric=wish.same_fabric) is not None

        expected = next((start for start in range(first + 1, 60) if fits_at(start)), None)

        found = next_fit(wish)

        assert found == (None if expected is None else Period(at(expected), at(expected + length)))


def test_the_next_fit_of_what_is_held_into_the_preparation_is_right_after_it():
    """The only booking ends before the wished start, but too late to prepare for it."""
    kind()
    occupy(bare_reservation(), factories.server(), 0, 9)

    assert next_fit(demand(first=10)).start == at(9 + LEAD)


def test_a_gap_in_which_no_whole_hour_lies_is_found_when_it_is_long_enough():
    """From 10 past to 20 past the next hour: the timeline counts no server in it."""
    kind()
    server = factories.server()
    holder = bare_reservation()
    occupy(holder, server, 0, 13)
    occupy(holder, server, 20, 80)

    assert next_fit(demand(first=10, length=2)).start == at(13 + LEAD)
    assert next_fit(demand(first=10, length=3)).start == at(80 + LEAD)


def test_the_next_fit_begins_on_a_whole_second(noon):
    kind()
    server = factories.server()
    noon.shift(timedelta(microseconds=300_000))
    busy = occupy(bare_reservation(), server, 0, 12)
    wish = demand()
    assert busy.occupied.upper.microsecond == 300_000

    found = next_fit(wish)

    assert found.start == busy.occupied.upper + LEAD * STEP + timedelta(microseconds=700_000)
    assert fits(Demand(wish.server_type, wish.region, 1, found))


def test_what_is_not_ready_now_is_offered_a_moment_from_now():
    kind()
    factories.server(state=ServerState.RELEASING)

    found = next_fit(demand(first=0))

    assert found.start == clock.now() + READY_MARGIN + LEAD * STEP
    assert fits(Demand(kind(), factories.region(), 1, found))


def test_nothing_is_offered_later_than_it_may_be_reserved():
    kind()
    server = factories.server()
    occupied = Period(at(0), clock.now() + MAX_AHEAD - LEAD * STEP)
    row = occupy(bare_reservation(), server, 0, 1)
    Allocation.objects.filter(pk=row.pk).update(occupied=occupied.as_range())
    assert next_fit(demand(first=0)).start == clock.now() + MAX_AHEAD

    Allocation.objects.update(occupied=Period(occupied.start, occupied.end + timedelta(seconds=1)).as_range())

    assert next_fit(demand(first=0)) is None


def test_a_pool_that_is_too_small_never_fits():
    kind()
    factories.servers(2)
    factories.server(in_fabric=factories.fabric("B"))

    assert next_fit(demand(count=3, placement=Placement.SAME_FABRIC)) is None
    assert next_fit(demand(count=4)) is None


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    ServerType.objects.filter(pk=kind().pk).update(lead_time=LEAD * STEP)
    reservation = bare_reservation()
    for server in factories.servers(6, with_bmc=False):
        occupy(reservation, server, 0, 40)
    wish = demand()

    with django_assert_num_queries(2):
        assert free_count(wish) == 0
    with django_assert_num_queries(2):
        assert next_fit(wish).start == at(40 + LEAD)
