"""What is done with a server that a tenant holds leaves it with the tenant, whatever comes of it."""

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import NotFound, StateConflict
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import events_of, parts_of
from portal.operations.services.inspecting import inspect
from portal.operations.states import FOR_TENANT, OperationKind, OperationState
from portal.reservations.models import Allocation
from portal.reservations.selectors import progress_of
from portal.reservations.services import actions
from portal.reservations.services.actions import PowerAction, Setup, order, reinstall, switch_power
from portal.reservations.services.lifecycle import take_back
from portal.reservations.services.stops import stop_operation
from portal.reservations.states import AllocationState, ReservationState
from provisioning.reconcile import time_out_operations
from tests import factories, hands, networks
from tests.hands import states, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_contradicts")]
SWITCHED = ["server.switched"]
THROUGH = {
    **dict.fromkeys(FOR_TENANT, SWITCHED),
    OperationKind.REINSTALL: ["server.reinstalled"],
    OperationKind.RESCUE: ["server.in_rescue"],
    OperationKind.LEAVE_RESCUE: ["server.switched", "server.rescue_over"],
}
ACTIVE = [ReservationState.ACTIVE, (AllocationState.SERVING, ServerState.IN_USE)]


@pytest.fixture
def held():
    factories.server()
    return hands.active().allocations.get()


def ask(held, kind):
    """Have something done; what ends a rescue is done with a server that is in one."""
    if kind == OperationKind.LEAVE_RESCUE:
        in_rescue(held)
    return order(actor=SYSTEM, allocation=held, kind=kind)


def in_rescue(held):
    Allocation.objects.filter(pk=held.pk).update(rescue_since=clock.now(), rescue_host_keys=["ssh-ed25519 RESCUE"])
    held.refresh_from_db()
    return held


@pytest.mark.parametrize("kind", FOR_TENANT)
def test_what_gets_through_leaves_the_server_with_its_tenant(held, kind):
    before = progress_of(held.reservation).operation
    operation = ask(held, kind)

    hands.work(held.reservation)

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert states(held.reservation) == ACTIVE
    assert progress_of(held.reservation).operation == before, "the reservation's own progress is that of its start"
    assert told(held.reservation)[-len(THROUGH[kind]) - 1 :] == ["server.asked", *THROUGH[kind]]


@pytest.mark.parametrize("kind", FOR_TENANT)
def test_what_fails_leaves_it_there_too_with_the_reason_and_a_way_out(held, kind):
    ask(held, kind)

    hands.work(held.reservation, failing=[0])

    assert states(held.reservation) == ACTIVE
    assert told(held.reservation)[-3:] == ["server.asked", "server.failed", "server.stays"]
    assert order(actor=SYSTEM, allocation=held, kind=kind).state == OperationState.QUEUED, "it can be tried again"


@pytest.mark.parametrize("kind", FOR_TENANT)
def test_what_takes_too_long_leaves_it_there_too(held, kind):
    operation = ask(held, kind)
    Operation.objects.filter(pk=operation.pk).update(state_deadline_at=clock.now())

    time_out_operations()

    operation.refresh_from_db()
    assert operation.state == OperationState.TIMED_OUT
    assert states(held.reservation) == ACTIVE
    assert told(held.reservation)[-2:] == ["server.failed", "server.stays"]


def test_a_reinstallation_brings_new_host_keys(held):
    operation = order(actor=SYSTEM, allocation=held, kind=OperationKind.REINSTALL)
    operation.parts.update(host_keys=["ssh-ed25519 NEW"])
    image = operation.image
    image.default_user = "rocky"
    image.save()

    hands.work(held.reservation)

    held.refresh_from_db()
    assert (held.host_keys, held.ssh_user) == (["ssh-ed25519 NEW"], "rocky")


@pytest.mark.parametrize("kind", FOR_TENANT)
def test_a_server_that_was_taken_away_before_the_work_began_is_not_touched(held, kind):
    operation = ask(held, kind)
    Server.objects.update(state=ServerState.QUARANTINED)

    assert not hands.begin(hands.take(operation), parts_of(operation)[0])


def test_the_end_of_the_reservation_calls_off_what_is_open(held):
    operation = order(actor=SYSTEM, allocation=held, kind=OperationKind.REINSTALL)
    claim = hands.take(operation)

    take_back(actor=SYSTEM, reservation=held.reservation, reason="over")

    operation.refresh_from_db()
    release = hands.open_operation(held.reservation)
    assert operation.state == OperationState.CANCELLED
    assert (release.kind, release.not_before) == ("release", claim.expires_at), "nobody acts for the other any more"
    with pytest.raises(StateConflict):
        order(actor=SYSTEM, allocation=held, kind=OperationKind.POWER_ON)


def test_staff_says_why_and_the_tenant_reads_it(held):
    order(actor=SYSTEM, allocation=held, kind=OperationKind.POWER_CYCLE, staff_reason="PDU swap")

    event = events_of(held.reservation.public_id).last()
    assert event.message == "Power cycle: asked for by our staff. The reason: PDU swap"


def test_staff_stops_what_nobody_is_at(held):
    operation = order(actor=SYSTEM, allocation=held, kind=OperationKind.REINSTALL)
    claim = hands.take(operation)
    with pytest.raises(StateConflict, match="just now"):
        stop_operation(actor=SYSTEM, operation=operation, reason="test")
    hands.claims.give_back(claim=claim)

    stop_operation(actor=SYSTEM, operation=operation, reason="test")

    assert states(held.reservation) == ACTIVE
    assert told(held.reservation)[-1] == "server.stopped"


def test_another_projects_server_is_not_there(held):
    stranger = factories.scope()

    with pytest.raises(NotFound):
        switch_power(scope=stranger, actor=stranger.actor, allocation=held, action=PowerAction.OFF)
    with pytest.raises(NotFound):
        reinstall(scope=stranger, actor=stranger.actor, allocation=held, setup=Setup())
    assert set(Operation.objects.values_list("kind", flat=True)) == {"deploy"}


def test_every_power_action_has_its_kind():
    assert set(actions.POWER_KINDS) == set(PowerAction)


def test_an_inspection_that_staff_stops_has_failed_and_is_told_to_nobody():
    server = factories.server(state=ServerState.ENROLLED)
    operation = inspect(actor=SYSTEM, server=server, reason="new")

    stop_operation(actor=SYSTEM, operation=operation, reason="wrong rack")

    server.refresh_from_db()
    assert (server.state, server.state_reason) == (ServerState.INSPECT_FAILED, "wrong rack")
    assert not operation.events.exists()


@pytest.mark.parametrize("kind", sorted(FOR_TENANT))
def test_a_server_that_was_left_in_a_network_of_ours_does_not_start_there(held, kind):
    """Its reinstallation failed, and the switch that it is to be taken off cannot be reached."""
    if kind == OperationKind.LEAVE_RESCUE:
        in_rescue(held)
    networks.port(held.server)
    networks.put(held.server, networks.providers(held.server.fabric)["provisioning"])

    if kind in (OperationKind.POWER_OFF, OperationKind.REINSTALL):
        assert order(actor=SYSTEM, allocation=held, kind=kind).kind == kind
        return
    with pytest.raises(StateConflict, match="reinstall it"):
        order(actor=SYSTEM, allocation=held, kind=kind)
    assert not Operation.objects.exclude(kind="deploy").exists()
    networks.put(held.server, networks.tenant_network(held.reservation.project))
    assert order(actor=SYSTEM, allocation=held, kind=kind).kind == kind
