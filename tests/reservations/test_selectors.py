"""Questions about reservations: a tenant never sees another's rows, and counts are as many as the rows."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.errors import NotFound
from portal.operations.models import Operation, OperationServer
from portal.operations.states import PartState
from portal.reservations import selectors
from portal.reservations.models import Reservation
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.scope import Scope
from tests import factories, hands
from tests.reservations.calendars import bare_reservation, occupy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def two():
    """Return two tenants of which each holds one server, and a third scope: a sister project of the first."""
    factories.servers(2)
    first, second = factories.buyer(), factories.buyer()
    held = [hands.active(scope) for scope in (first, second)]
    sister = factories.scope(in_project=factories.project(first.organization))
    return first, second, sister, held


def of_a_tenant():
    """Return every selector here that takes a scope, with what it is asked for."""
    names = [
        name for name in dir(selectors) if getattr(getattr(selectors, name), "__module__", "") == selectors.__name__
    ]
    found = {}
    for name in names:
        hints = getattr(getattr(selectors, name), "__annotations__", {})
        if hints.get("scope") is Scope:
            found[name] = [hint for hint in hints if hint not in ("scope", "return")]
    return found


def test_every_selector_of_a_tenant_is_known_here():
    """A new one must be added below, where it is asked with other tenants' ids."""
    assert of_a_tenant() == {
        "reservations_of": [],
        "reservations_listed": [],
        "reservation_of": ["public_id"],
        "servers_of": [],
        "server_of": ["public_id"],
        # Asked with other tenants' ids in the tests of quotes and of the waiting list over the API.
        "quotes_of": [],
        "quote_of": ["public_id"],
        "open_quotes_of": [],
        "waitlist_of": [],
        "waitlist_listed": [],
        "waitlist_entry_of": ["public_id"],
    }


@pytest.mark.parametrize("name", ["reservations_of", "reservations_listed", "servers_of"])
def test_lists_hold_the_projects_own_rows_only(two, name):
    first, second, sister, held = two
    listed = getattr(selectors, name)
    rows = held if name.startswith("reservations") else [item.allocations.get() for item in held]

    assert [list(listed(scope)) for scope in (first, second, sister)] == [[rows[0]], [rows[1]], []]


@pytest.mark.parametrize("name", ["reservation_of", "server_of"])
def test_a_foreign_id_is_as_unknown_as_a_wrong_one(two, name):
    first, second, sister, held = two
    found = getattr(selectors, name)
    own = held[0] if name == "reservation_of" else held[0].allocations.get()
    public_id = held[0].public_id if name == "reservation_of" else own.server.public_id

    assert found(first, public_id) == own
    messages = set()
    for scope, wanted in ((second, public_id), (sister, public_id), (first, "res_0"), (first, ""), (first, "'")):
        with pytest.raises(NotFound) as caught:
            found(scope, wanted)
        messages.add(caught.value.detail)
    assert len(messages) == 1


@pytest.mark.parametrize("state", AllocationState)
def test_a_tenants_servers_are_those_on_which_its_system_is(state):
    reservation = bare_reservation()
    row = occupy(reservation, factories.server(), 0, 9, state)
    scope = factories.scope(in_project=reservation.project)

    expected = [row] if state in (AllocationState.SERVING, AllocationState.CLEANING) else []
    assert list(selectors.servers_of(scope)) == expected


def test_the_servers_of_a_reservation_leave_out_those_that_never_were_its_own():
    reservation = bare_reservation(count=4)
    shown = [occupy(reservation, factories.server(), 0, 9, state) for state in ("failed", "serving", "released")]
    type(shown[2]).objects.filter(pk=shown[2].pk).update(ready_at=clock.now())
    occupy(reservation, factories.server(), 0, 9, "released")

    assert list(selectors.allocations_of(reservation)) == shown


def test_the_newest_reservation_comes_first(two):
    first, *_ = two
    factories.server()
    newer = factories.reservation(first)

    assert selectors.reservations_of(first).first() == newer


def test_ready_servers_are_counted_by_reservation():
    rows = [bare_reservation(count=2) for _ in range(3)]
    for reservation, states in zip(rows, (["serving", "serving"], ["serving", "failed"], ["booked"]), strict=True):
        for state in states:
            occupy(reservation, factories.server(), 0, 9, state)

    assert selectors.ready_counts(rows) == {rows[0].pk: 2, rows[1].pk: 1}


def progress(reservation, *parts):
    """Return the progress of a deployment whose servers are at ``(state, step, stage, percent)``."""
    for part, (state, stage, percent) in zip(OperationServer.objects.order_by("position"), parts, strict=True):
        OperationServer.objects.filter(pk=part.pk).update(state=state, stage=stage, percent=percent, state_reason="why")
    return selectors.progress_of(reservation)


def test_before_its_first_operation_a_reservation_has_no_progress():
    factories.server()

    assert selectors.progress_of(factories.reservation()) is None


def test_progress_counts_servers_and_names_the_stage_of_the_slowest(noon):
    factories.servers(4)
    reservation = factories.reservation(count=4, starts_at=None)

    found = progress(
        reservation,
        (PartState.SUCCEEDED, "verify", 100),
        (PartState.FAILED, "image", 40),
        (PartState.READY, "image", 100),
        (PartState.AWAITING, "image", 60),
    )

    assert (found.stage, found.done, found.total) == ("image", 1, 4)
    assert [(stage.name, stage.done, stage.is_current) for stage in found.stages] == [
        ("installer", 4, False),
        ("image", 2, True),
        ("tenant_network", 1, False),
        ("first_boot", 1, False),
        ("verify", 1, False),
        ("hand_over", 1, False),
    ]
    assert [(tile.state, tile.stage_title, tile.percent, tile.reason) for tile in found.tiles] == [
        ("succeeded", "Acceptance", 100, ""),
        ("failed", "OS image", 40, "why"),
        ("ready", "OS image", 100, ""),
        ("awaiting", "OS image", 60, ""),
    ]
    assert found.eta == Operation.objects.get().created_at + reservation.server_type.lead_time
    noon.move_to(found.eta)
    assert selectors.progress_of(reservation).eta is None, "what is late has no expectation"


def test_progress_that_is_over_says_done():
    factories.server()
    reservation = hands.active()

    found = selectors.progress_of(reservation)

    assert (found.stage, found.done, found.eta) == ("done", 1, None)


def test_progress_of_many_is_asked_at_once(django_assert_num_queries):
    factories.servers(4)
    rows = [factories.reservation(starts_at=None) for _ in range(3)]
    later = factories.reservation()

    with django_assert_num_queries(3):
        found = selectors.progresses_of([*Reservation.objects.select_related("server_type")])
    assert set(found) == {row.public_id for row in rows}
    assert later.public_id not in found
    operations = list(Operation.objects.prefetch_related("parts__server__fabric"))
    assert set(selectors.progresses_in(operations)) == {operation.public_id for operation in operations}


@pytest.mark.parametrize("state", ReservationState)
def test_overdue_is_what_has_passed_its_deadline(state):
    row = bare_reservation(state, state_deadline_at=clock.now() - timedelta(seconds=1))
    bare_reservation(state, state_deadline_at=clock.now())
    bare_reservation(state)

    assert list(selectors.overdue_reservations()) == [row]
