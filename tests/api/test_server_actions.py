"""What a program asks to be done with servers that its project holds."""

import pytest

from portal.fleet.models import BMC
from portal.operations.models import Operation, OperationServer
from portal.reservations.models import Allocation
from portal.reservations.services.actions import POWER_KINDS, PowerAction
from portal.tenancy.roles import Role
from tests import factories, hands
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes


@pytest.fixture
def held(buyer):
    """Return the first of two servers that are handed over."""
    return hands.active(buyer, count=2).allocations.order_by("position").first()


def address_of(allocation, action):
    return f"/servers/{allocation.server.public_id}/{action}"


def server_document(api, allocation):
    return api.get(f"/servers/{allocation.server.public_id}").json()


@pytest.mark.parametrize("action", PowerAction)
def test_each_power_action_is_an_operation_on_that_server_alone(api, held, action):
    with nothing_changes():
        rehearsed = api.post(f"{address_of(held, 'power')}?dry_run=true", {"action": action})
    reply = api.post(address_of(held, "power"), {"action": action})

    made = Operation.objects.latest("pk")
    assert (rehearsed.json()["kind"], rehearsed.json()["dry_run"]) == (POWER_KINDS[action], True)
    assert (reply.status_code, reply.headers["Location"]) == (202, f"/api/v1/operations/{made.public_id}")
    assert (made.kind, made.subject) == (POWER_KINDS[action], held.reservation.public_id)
    assert [part.server for part in made.parts.all()] == [held.server]
    assert reply.json() == api.get(f"/operations/{made.public_id}").json()
    assert server_document(api, held)["operation"] == made.public_id
    assert api.get(f"/reservations/{held.reservation.public_id}").json()["state"] == "active"


def test_the_same_key_switches_once(api, held):
    first = api.post(address_of(held, "power"), {"action": "cycle"}, key="k")
    second = api.post(address_of(held, "power"), {"action": "cycle"}, key="k")

    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Operation.objects.filter(kind="power_cycle").count() == 1


def test_one_thing_at_a_time_is_done_with_a_server(api, held):
    first = api.post(address_of(held, "power"), {"action": "off"}).json()
    other = Allocation.objects.exclude(pk=held.pk).get()

    for action, body in (("power", {"action": "on"}), ("reinstall", {}), ("rescue", {})):
        with nothing_changes():
            refused = api.post(address_of(held, action), body)
        assert_problem(refused, 409, "state_conflict")
        assert refused.json()["operation"] == first["id"]
    assert api.post(address_of(other, "power"), {"action": "off"}).status_code == 202


@pytest.mark.parametrize(
    "action, body, errors",
    [
        ("power", {}, {"/action": "required"}),
        ("power", {"action": "explode"}, {"/action": "invalid_choice"}),
        ("power", {"action": "on", "force": True}, {"/force": "unknown_field"}),
        ("reinstall", {"image": "abacus"}, {"/image": "unknown"}),
        ("reinstall", {"ssh_keys": []}, {"/ssh_keys": "required"}),
        ("reinstall", {"ssh_keys": ["key_x"]}, {"/ssh_keys/0": "unknown"}),
        ("rescue", {"ssh_keys": []}, {"/ssh_keys": "required"}),
        ("rescue", {"ssh_keys": ["key_x"]}, {"/ssh_keys/0": "unknown"}),
        ("rescue", {"image": "rocky-9"}, {"/image": "unknown_field"}),
        ("leave-rescue", {"force": True}, {"/force": "unknown_field"}),
        ("reinstall", {"user_data": "x" * 16_385}, {"/user_data": "too_large"}),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(api, held, action, body, errors):
    with nothing_changes():
        assert assert_problem(api.post(address_of(held, action), body), 422, "invalid_input") == errors


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_may_not_switch(held, role):
    onlooker = Api.of(held.reservation.project, role)

    for action, body in (("power", {"action": "off"}), ("rescue", {}), ("leave-rescue", {})):
        with nothing_changes():
            reply = onlooker.post(address_of(held, action), body)
        assert_problem(reply, 403, "permission_denied")


def test_a_server_that_is_given_back_is_no_longer_switched(api, held):
    api.post(f"/reservations/{held.reservation.public_id}/release")

    with nothing_changes():
        assert_problem(api.post(address_of(held, "power"), {"action": "on"}), 409, "state_conflict")


def test_a_reinstallation_takes_what_it_is_given_and_the_rest_from_the_reservation(api, held, buyer):
    image, key = factories.image(slug="rocky-9"), factories.ssh_key(buyer.project, public_key=f"{factories.KEY}-2")

    api.post(address_of(held, "reinstall"), {"image": "rocky-9", "ssh_keys": [key.public_id], "user_data": "#!/bin/sh"})

    made = Operation.objects.latest("pk")
    assert (made.kind, made.image, made.ssh_keys, made.user_data) == (
        "reinstall",
        image,
        [f"{factories.KEY}-2"],
        "#!/bin/sh",
    )
    assert (server_document(api, held)["state"], server_document(api, held)["operation"]) == (
        "reinstalling",
        made.public_id,
    )
    OperationServer.objects.filter(operation=made).update(state="cancelled")
    api.post(address_of(held, "reinstall"))
    plain, reservation = Operation.objects.latest("pk"), held.reservation
    assert (plain.image, plain.ssh_keys, plain.user_data) == (reservation.image, reservation.ssh_keys, "")


def test_a_server_in_the_rescue_system_says_so_and_how_to_log_in(api, held, buyer):
    key = factories.ssh_key(buyer.project, public_key=f"{factories.KEY}-2")
    installed = server_document(api, held)

    reply = api.post(address_of(held, "rescue"), {"ssh_keys": [key.public_id]})

    made = Operation.objects.latest("pk")
    assert (reply.status_code, reply.json()["id"]) == (202, made.public_id)
    assert (made.kind, made.ssh_keys, made.image) == ("rescue", [f"{factories.KEY}-2"], None)
    assert server_document(api, held) == {**installed, "operation": made.public_id}
    made.parts.update(host_keys=["ssh-ed25519 RESCUE"])
    hands.work(held.reservation)
    rescued = server_document(api, held)
    assert (rescued["state"], rescued["ssh_user"], rescued["host_keys"]) == ("rescue", "root", ["ssh-ed25519 RESCUE"])
    assert rescued["rescue_since"].endswith("Z")
    assert api.get(f"/servers/{held.server.public_id}").json() in api.get("/servers").json()["data"]

    assert api.post(address_of(held, "leave-rescue")).json()["kind"] == "leave_rescue"
    hands.work(held.reservation)

    assert server_document(api, held) == installed
    assert installed["rescue_since"] is None


def test_what_makes_no_sense_by_the_rescue_system_is_refused(api, held):
    with nothing_changes():
        assert_problem(api.post(address_of(held, "leave-rescue")), 409, "state_conflict")
    BMC.objects.update(boot_method="uefi_http")
    with nothing_changes():
        refused = api.post(address_of(held, "rescue"))
    assert_problem(refused, 409, "state_conflict")
    assert "no virtual drive" in refused.json()["detail"]
