"""More servers: free ones of the same fabric for the rest of the period, prepared apart from those that are there."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import (
    ApprovalRequired,
    Forbidden,
    InsufficientCapacity,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from portal.core.money import Money
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import events_of, parts_of
from portal.reservations.models import Enquiry, Placement, Reservation
from portal.reservations.request import MAX_COUNT
from portal.reservations.services.enlarge import Adding, add_servers, look_at_adding
from portal.reservations.services.lifecycle import release
from portal.reservations.services.outcomes import deploy_finished
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.scope import Scope
from tests import factories, hands
from tests.hands import states, told
from tests.reservations.calendars import bare_reservation, snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A, R = AllocationState, ReservationState


def usd(amount):
    return Money(Decimal(amount), "USD")


def add(scope, reservation, count=1):
    return add_servers(scope=scope, actor=scope.actor, reservation=reservation, count=count)


def refused(kind, act, *args, **kwargs):
    """Return the refusal of an act, after which nothing has changed."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        act(*args, **kwargs)
    assert snapshot() == before
    return caught.value


def hosts(reservation):
    return list(reservation.allocations.order_by("position").values_list("hostname", flat=True))


def test_what_has_not_begun_simply_gets_more_for_all_of_its_period():
    scope = factories.buyer()
    factories.servers(4)
    reservation = factories.reservation(scope, count=2, name="train")
    span = reservation.span

    seen = look_at_adding(scope, reservation, 2)
    made = add(scope, reservation, 2)

    assert seen == Adding(True, 2, usd(960), usd(1920))
    made.refresh_from_db()
    assert (made.count, made.price, made.rate_per_gpu_hour, made.state) == (
        4,
        Decimal(1920),
        Decimal("2.5"),
        R.SCHEDULED,
    )
    assert [(line["label"], line["quantity"]) for line in made.price_lines] == [
        ("8 x H100 in eu-north-1", "16 GPU x 24 h x 2.50"),
        ("8 x H100 in eu-north-1, 2 servers more", "16 GPU x 24 h x 2.50"),
    ]
    assert hosts(made) == ["train-01", "train-02", "train-03", "train-04"]
    assert {Period.of_range(row.occupied) for row in made.allocations.all()} == {
        Period(span.start - 20 * MINUTE, span.end + 30 * MINUTE)
    }
    assert made.allocations.values("server").distinct().count() == 4
    assert events_of(made.public_id).last().message == "2 more servers are reserved, 4 in all."
    assert AuditEvent.objects.latest("pk").verb == "reservation.enlarged"
    assert not Operation.objects.exists()
    note = Enquiry.objects.latest("pk")
    assert (note.kind, note.outcome, note.count, note.subject) == ("add", "made", 2, made.public_id)


def test_an_active_one_has_them_prepared_apart_and_pays_for_the_rest_alone(noon):
    scope = factories.buyer()
    factories.servers(3)
    reservation = hands.active(scope, name="train", user_data="#!x")
    first = Operation.objects.get()
    noon.shift(6 * HOUR)

    made = add(scope, reservation, 2)

    assert states(made) == [
        R.ACTIVE,
        (A.SERVING, ServerState.IN_USE),
        *[(A.BOOKED, ServerState.AVAILABLE)] * 2,
    ]
    assert made.price == 480 + 2 * 18 * 20
    operation = hands.open_operation(made)
    assert (operation.kind, operation.image, operation.user_data) == ("deploy", first.image, "#!x")
    assert operation.ssh_keys == made.ssh_keys
    assert [part.hostname for part in parts_of(operation)] == ["train-02", "train-03"]

    hands.work(made)

    assert states(made) == [R.ACTIVE, *[(A.SERVING, ServerState.IN_USE)] * 3]
    assert not made.degraded
    assert told(made)[-1] == "reservation.added_servers_ready"
    assert events_of(made.public_id).last().message == "2 of 2 added servers are handed over."


def test_what_became_of_them_is_told_once():
    scope = factories.buyer()
    factories.servers(2)
    reservation = hands.active(scope)
    hands.work(add(scope, reservation))
    before = (snapshot(), told(reservation))

    for operation in Operation.objects.order_by("pk"):
        deploy_finished(operation=operation)

    assert (snapshot(), told(reservation)) == before


def test_one_that_does_not_get_through_degrades_it_and_leaves_the_others_alone():
    scope = factories.buyer()
    factories.servers(3)
    reservation = hands.active(scope)

    made = hands.work(add(scope, reservation, 2), failing=[0])

    assert states(made) == [
        R.ACTIVE,
        (A.SERVING, ServerState.IN_USE),
        (A.FAILED, ServerState.DEPLOY_FAILED),
        (A.SERVING, ServerState.IN_USE),
    ]
    assert made.degraded
    assert events_of(made.public_id).last().message == "1 of 2 added servers are handed over."


def test_released_while_some_are_being_added_all_are_taken_back(noon):
    scope = factories.buyer()
    factories.servers(3)
    reservation = add(scope, hands.active(scope), 2)
    operation = hands.open_operation(reservation)
    hands.begin(hands.take(operation), parts_of(operation)[0])

    release(scope=scope, actor=scope.actor, reservation=reservation)

    assert states(reservation) == [
        R.ENDING,
        (A.CLEANING, ServerState.IN_USE),
        (A.CLEANING, ServerState.DEPLOYING),
        (A.RELEASED, ServerState.AVAILABLE),
    ]
    noon.move_to(hands.open_operation(reservation).not_before)
    hands.work(reservation)
    assert states(reservation) == [R.ENDED, *[(A.RELEASED, ServerState.AVAILABLE)] * 3]


def test_what_was_added_before_the_start_is_prepared_with_the_others(noon):
    scope = factories.buyer()
    factories.servers(2)
    reservation = add(scope, factories.reservation(scope))
    noon.move_to(reservation.span.start)

    begin_provisioning(actor=SYSTEM, reservation=reservation)

    assert states(hands.work(reservation)) == [R.ACTIVE, *[(A.SERVING, ServerState.IN_USE)] * 2]


def test_a_promise_of_one_fabric_holds_for_what_is_added():
    scope = factories.buyer()
    factories.server()
    factories.servers(3, in_fabric=factories.fabric("B"))
    factories.server(in_fabric=factories.fabric("C"))
    reservation = factories.reservation(scope, count=3)
    assert {row.server.fabric.name for row in reservation.allocations.all()} == {"B"}

    assert look_at_adding(scope, reservation, 1).free == 0
    error = refused(InsufficientCapacity, add, scope, reservation)

    assert error.extra == {"available": 0, "next_fit": None}
    assert error.detail == "0 more x 8 x H100 are free in fabric B until the reservation's end."
    factories.server(in_fabric=factories.fabric("B"))
    assert add(scope, reservation).allocations.filter(server__fabric__name="B").count() == 4


def test_without_that_promise_they_may_lie_anywhere():
    scope = factories.buyer()
    factories.server()
    factories.server(in_fabric=factories.fabric("B"))
    reservation = factories.reservation(scope, placement=Placement.ANY)

    assert add(scope, reservation).allocations.values("server__fabric").distinct().count() == 2


def test_an_active_one_gets_only_what_is_ready():
    scope = factories.buyer()
    reservation = None
    first, second = factories.servers(2)
    Server.objects.filter(pk=second.pk).update(state=ServerState.RELEASING)
    reservation = hands.active(scope)

    assert reservation.allocations.get().server == first
    assert refused(InsufficientCapacity, add, scope, reservation).extra["available"] == 0


def test_limits_count_what_is_added():
    scope = factories.buyer(limit=3)
    factories.servers(4)
    reservation = factories.reservation(scope, count=2)

    error = refused(QuotaExceeded, add, scope, reservation, 2)

    assert (error.extra["limit"], error.extra["requested"]) == (3, 4)
    assert add(scope, reservation).count == 3


def test_who_may_not_spend_that_much_alone_may_not_add_it():
    scope = factories.buyer()
    factories.servers(4)
    reservation = factories.reservation(scope)
    scope.organization.approval_limit = Decimal(480)
    operator = Scope(scope.actor, scope.project, Role.OPERATOR)

    refused(ApprovalRequired, add, operator, reservation, 2)
    assert add(operator, reservation).count == 2


@pytest.mark.parametrize("count", [0, -1, MAX_COUNT])
def test_an_absurd_number_is_refused(count):
    scope = factories.buyer()
    factories.server()
    reservation = factories.reservation(scope)

    error = refused(InvalidInput, add, scope, reservation, count)

    assert [(item.field, item.code) for item in error.errors] == [("count", "out_of_range")]


@pytest.mark.parametrize("state", sorted(set(R) - {R.SCHEDULED, R.ACTIVE}))
def test_only_what_waits_or_is_active_gets_more(state):
    scope = factories.buyer()
    reservation = bare_reservation(state, project=scope.project)

    assert refused(StateConflict, add, scope, reservation).extra == {"state": state}


def test_what_ends_soon_gets_no_more(noon):
    scope = factories.buyer()
    factories.servers(2)
    reservation = hands.active(scope)
    noon.move_to(reservation.span.end - HOUR + timedelta(microseconds=1))

    refused(StateConflict, add, scope, reservation)

    noon.shift(timedelta(microseconds=-1))
    assert add(scope, reservation).count == 2


@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_reserve_add(role):
    scope = factories.buyer()
    factories.servers(2)
    reservation = factories.reservation(scope)
    other = Scope(scope.actor, scope.project, role)

    if Verb.RESERVE in MAY[role]:
        assert add(other, reservation).count == 2
    else:
        refused(Forbidden, add, other, reservation)


def test_another_projects_reservation_is_not_there():
    factories.servers(2)
    reservation = factories.reservation()

    for who in (factories.scope(in_project=factories.project(reservation.organization)), factories.scope()):
        for act in (add, look_at_adding):
            refused(NotFound, act, who, reservation, 1)


def test_names_go_on_counting_after_one_that_failed():
    scope = factories.buyer()
    factories.servers(3)
    reservation = hands.active(scope, count=2, failing=[1], name="train")

    assert hosts(add(scope, reservation)) == ["train-01", "train-02", "train-03"]
    assert Reservation.objects.get().count == 3
    assert clock.now() < reservation.span.end
