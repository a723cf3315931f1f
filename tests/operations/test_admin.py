"""Staff and the work on machines: stopping it, and erasing a server anew."""

import pytest

from portal.audit.models import AuditEvent
from portal.fleet.models import Server
from portal.operations.models import Operation
from portal.operations.states import OperationState
from portal.reservations.services.lifecycle import take_back
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operations():
    return staff.browser(StaffRole.OPERATIONS)


def begun(operation, state="deploying"):
    """Bring an operation and its servers to where a worker takes them first."""
    Operation.objects.filter(pk=operation.pk).update(state=OperationState.RUNNING)
    Server.objects.filter(parts__operation=operation).update(state=state)


def states():
    return sorted(Server.objects.values_list("state", flat=True))


@pytest.fixture
def deployment():
    factories.servers(2)
    made = staff.starting(factories.buyer(), count=2)
    operation = Operation.objects.get(subject=made.public_id)
    begun(operation)
    return made, operation


def test_a_deployment_that_is_cancelled_takes_its_reservation_with_it(operations, deployment):
    made, operation = deployment
    operation.refresh_from_db()

    reply = operations.post(staff.act_of(operation, "cancel"), staff.REASON | staff.chosen(operation))

    made.refresh_from_db()
    operation.refresh_from_db()
    erasure = Operation.objects.get(kind="release")
    assert reply.url == staff.page_of(operation)
    assert (made.state, operation.state, erasure.state) == ("ending", "cancelled", "queued")
    assert made.state_reason == staff.REASON["reason"]
    assert erasure.parts.count() == 2
    event = AuditEvent.objects.get(verb="reservation.state_changed", data__to="ending")
    assert event.actor_id == operations.person.public_id


def test_an_erasure_that_is_cancelled_leaves_quarantine_and_an_ended_reservation(operations, deployment):
    made, operation = deployment
    Operation.objects.filter(pk=operation.pk).update(state="succeeded")
    operation.parts.update(state="succeeded")
    made = staff.hand_over(made)
    Server.objects.update(state="in_use")
    take_back(actor=factories.user().as_actor(), reservation=made, reason="over")
    erasure = Operation.objects.get(kind="release")
    begun(erasure, "releasing")
    Server.objects.filter(pk=Server.objects.first().pk).update(state="in_use")
    erasure.refresh_from_db()

    reply = operations.post(staff.act_of(erasure, "cancel"), staff.REASON | staff.chosen(erasure))

    made.refresh_from_db()
    erasure.refresh_from_db()
    assert reply.status_code == 302
    assert (made.state, erasure.state, states()) == ("ended", "cancelled", ["quarantined", "quarantined"])
    assert set(made.allocations.values_list("state", flat=True)) == {"released"}
    assert not Server.objects.filter(state="available").exists()


def test_what_is_over_cannot_be_cancelled(operations, deployment):
    _, operation = deployment
    Operation.objects.filter(pk=operation.pk).update(state="succeeded")
    operation.refresh_from_db()
    before = AuditEvent.objects.count()

    reply = operations.post(staff.act_of(operation, "cancel"), staff.REASON | staff.chosen(operation))

    assert reply.status_code == 409
    assert "there is nothing left to stop" in reply.content.decode()
    assert (AuditEvent.objects.count(), states()) == (before, ["deploying", "deploying"])


def test_a_deployment_whose_reservation_moved_on_is_left_to_its_deadline(operations, deployment):
    made, operation = deployment
    type(made).objects.filter(pk=made.pk).update(state="active")
    operation.refresh_from_db()

    reply = operations.post(staff.act_of(operation, "cancel"), staff.REASON | staff.chosen(operation))

    operation.refresh_from_db()
    assert reply.status_code == 409
    assert operation.state == "running"


@pytest.mark.parametrize("role", [StaffRole.SALES])
def test_sales_may_neither_cancel_work_nor_erase(deployment, role):
    _, operation = deployment
    server = factories.server(state="quarantined")
    sales = staff.browser(role)

    replies = [
        sales.post(staff.act_of(operation, "cancel"), staff.REASON | staff.chosen(operation)),
        sales.post(staff.act_of(server, "erase"), staff.REASON | staff.chosen(server)),
    ]

    assert [reply.status_code for reply in replies] == [403, 403]
    assert Operation.objects.get().state == "running"
    assert states() == ["deploying", "deploying", "quarantined"]


@pytest.mark.parametrize("state", ["quarantined", "maintenance"])
def test_a_server_is_erased_anew(operations, state):
    server = factories.server(state=state)

    reply = operations.post(staff.act_of(server, "erase"), staff.REASON | staff.chosen(server))

    server.refresh_from_db()
    operation = Operation.objects.get()
    assert reply.url == staff.page_of(operation)
    assert (server.state, server.state_reason) == ("releasing", staff.REASON["reason"])
    assert (operation.kind, operation.subject, operation.requested_by) == ("release", "", operations.person.email)
    assert list(operation.parts.values_list("server_id", "hostname")) == [(server.pk, server.name)]
    verbs = AuditEvent.objects.filter(actor_id=operations.person.public_id).values_list("verb", flat=True)
    assert sorted(verbs) == ["operation.queued", "server.state_changed"]


@pytest.mark.parametrize("state", ["available", "in_use", "retired", "releasing", "enrolled"])
def test_only_a_server_that_is_out_of_the_pool_is_erased_anew(operations, state):
    server = factories.server(state=state)

    reply = operations.post(staff.act_of(server, "erase"), staff.REASON | staff.chosen(server))

    server.refresh_from_db()
    assert reply.status_code == 409
    assert (server.state, Operation.objects.count()) == (state, 0)


def test_the_page_of_an_operation_shows_parts_boots_and_events(operations):
    staff.world()
    operation = Operation.objects.get()

    page = operations.get(staff.page_of(operation)).content.decode()

    for heading in ("Servers", "Boots", "Told to the customer", "Record"):
        assert f">{heading} <" in page
    assert operation.parts.get().hostname in page
    assert "operation.queued" in page
