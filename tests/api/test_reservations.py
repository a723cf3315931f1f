"""Reservations over HTTP."""

import pytest

from portal.operations.models import Operation
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services import outcomes
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes


@pytest.fixture
def made(noon, api, buyer):
    return api.post("/reservations", order(buyer.project, labels={"team": "nlp"}, user_data="#!/bin/sh\n"))


def test_a_reservation_for_later_is_scheduled(made, buyer):
    found = Reservation.objects.get()

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/reservations/{found.public_id}"
    assert made.json() == {
        "id": found.public_id,
        "name": "train-7b",
        "state": "scheduled",
        "state_reason": "",
        "state_changed_at": "2030-01-15T12:00:00Z",
        "degraded": False,
        "server_type": "h100x8",
        "region": "eu-north-1",
        "count": 2,
        "gpu_count": 16,
        "servers_ready": 0,
        "starts_at": "2030-01-16T12:00:00Z",
        "ends_at": "2030-01-17T12:00:00Z",
        "placement": "same_fabric",
        "image": found.image.public_id,
        "ssh_keys": [factories.KEY],
        "has_user_data": True,
        "labels": {"team": "nlp"},
        "price": {"amount": "960.00", "currency": "USD"},
        "rate_per_gpu_hour": {"amount": "2.50", "currency": "USD"},
        "price_lines": [
            {
                "label": "8 x H100 in eu-north-1",
                "quantity": "16 GPU x 24 h x 2.50",
                "amount": {"amount": "960.00", "currency": "USD"},
            }
        ],
        "cancellation": {
            "fee": {"amount": "0.00", "currency": "USD"},
            "percent": "0",
            "free_until": "2030-01-16T12:00:00Z",
            "terms": [],
            "description": "Free cancellation at any time.",
        },
        "hold_expires_at": None,
        "progress": {"stage": "waiting", "done": 0, "total": 2, "eta": "2030-01-16T12:00:00Z"},
        "operation": None,
        "project": buyer.project.public_id,
        "requested_by": "API token ci",
        "created_at": "2030-01-15T12:00:00Z",
    }
    assert Allocation.objects.filter(reservation=found, state="booked").count() == 2


def test_what_was_made_is_read_back_the_same(made, api):
    assert api.get(f"/reservations/{made.json()['id']}").content == made.content


def test_one_that_starts_now_is_prepared_at_once(noon, api, buyer):
    made = api.post("/reservations", order(buyer.project, starts_at=None)).json()
    operation = Operation.objects.get()

    assert made["state"] == "provisioning"
    assert made["operation"] == operation.public_id
    assert made["progress"] == {"stage": "installer", "done": 0, "total": 2, "eta": "2030-01-15T12:20:00Z"}


def test_the_start_may_be_left_out_and_an_id_names_the_image(api, buyer):
    body = order(buyer.project, image=factories.OSImage.objects.get().public_id)
    del body["starts_at"]

    assert api.post("/reservations", body).json()["state"] == "provisioning"


def test_an_active_one_counts_its_ready_servers(api, active):
    found = api.get(f"/reservations/{active.public_id}").json()

    assert (found["state"], found["servers_ready"], found["degraded"]) == ("active", 2, False)


def test_without_capacity_it_says_how_many_are_free_and_when_all_are(noon, api, buyer):
    factories.reservation(buyer, count=7)

    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, count=2))

    assert_problem(reply, 409, "insufficient_capacity")
    found = reply.json()
    assert found["available"] == 1
    # The others are free from the next day on, and half an hour of clean-up and twenty minutes of preparation later.
    assert found["next_fit"] == {"starts_at": "2030-01-17T12:50:00Z", "ends_at": "2030-01-18T12:50:00Z"}


def test_over_quota_it_says_the_limit_and_the_use(api, buyer):
    buyer.organization.quotas.update(limit=3)
    factories.reservation(buyer, count=2)

    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, count=2))

    assert_problem(reply, 409, "quota_exceeded")
    assert {name: reply.json()[name] for name in ("limit", "used", "requested")} == {
        "limit": 3,
        "used": 2,
        "requested": 2,
    }


def test_what_is_above_the_approval_limit_needs_somebody_else(api, buyer):
    type(buyer.organization).objects.update(approval_limit=959)

    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project))

    assert_problem(reply, 403, "approval_required")
    assert reply.json()["total"] == {"amount": "960.00", "currency": "USD"}
    assert Api.of(buyer.project, Role.ADMIN).post("/reservations", order(buyer.project)).status_code == 201


def test_a_fabric_can_be_named(api, buyer):
    factories.servers(2, in_fabric=factories.fabric("B"))

    api.post("/reservations", order(buyer.project, fabric="B"))

    assert set(Allocation.objects.values_list("server__fabric__name", flat=True)) == {"B"}
    with nothing_changes():
        none_left = api.post("/reservations", order(buyer.project, name="more", fabric="B"))
        unknown = api.post("/reservations", order(buyer.project, name="more", fabric="Z"))
    assert_problem(none_left, 409, "insufficient_capacity")
    assert assert_problem(unknown, 422, "invalid_input") == {"/fabric": "unknown"}


def test_what_is_not_sold_is_refused(api, buyer):
    factories.region("us-east-1")

    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, region="us-east-1"))

    assert_problem(reply, 409, "not_sold")


def test_without_a_key_nothing_is_reserved(api, buyer):
    with nothing_changes():
        reply = api.client.post(
            "/api/v1/reservations",
            order(buyer.project),
            content_type="application/json",
            headers={"Authorization": f"Bearer {api.token}"},
        )

    assert_problem(reply, 400, "idempotency_key_required")


def test_cancelling_frees_the_servers(api, scheduled):
    reply = api.post(f"/reservations/{scheduled.public_id}/cancel")

    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["state_reason"]) == ("cancelled", "cancelled by API token ci")
    assert set(Allocation.objects.values_list("state", flat=True)) == {"released"}


def test_releasing_erases_the_servers(api, active):
    reply = api.post(f"/reservations/{active.public_id}/release")

    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["progress"]["stage"]) == ("ending", "isolation")
    assert Operation.objects.filter(kind="release").count() == 1
    assert set(Allocation.objects.values_list("state", flat=True)) == {"cleaning"}


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "application/json"])
def test_an_end_needs_no_body_and_no_key(api, scheduled, content_type):
    reply = api.send("POST", f"/reservations/{scheduled.public_id}/cancel", "", content_type)

    assert reply.status_code == 200
    assert reply.json()["state"] == "cancelled"


def test_an_end_takes_no_fields(api, scheduled):
    with nothing_changes():
        reply = api.post(f"/reservations/{scheduled.public_id}/cancel", {"reason": "why not"})

    assert assert_problem(reply, 422, "invalid_input") == {"/reason": "unknown_field"}


def test_an_active_one_cannot_be_cancelled_and_a_scheduled_one_not_released(api, buyer, active):
    tomorrow = factories.reservation(buyer)

    with nothing_changes():
        cancelled = api.post(f"/reservations/{active.public_id}/cancel")
        released = api.post(f"/reservations/{tomorrow.public_id}/release")

    assert_problem(cancelled, 409, "state_conflict")
    assert_problem(released, 409, "state_conflict")
    assert (cancelled.json()["state"], released.json()["state"]) == ("active", "scheduled")


def test_the_newest_come_first_and_filters_narrow(api, buyer, scheduled):
    now = factories.reservation(buyer, name="now", starts_at=None)
    gone = factories.reservation(buyer, name="gone")
    api.post(f"/reservations/{gone.public_id}/cancel")

    def names(**query):
        return [row["name"] for row in api.get("/reservations", query).json()["data"]]

    assert names() == ["gone", "now", "tomorrow"]
    assert names(state="provisioning") == ["now"]
    assert names(state=["scheduled", "cancelled"]) == ["gone", "tomorrow"]
    assert names(name="now") == [now.name]
    assert names(region="eu-north-1", server_type="h100x8", state="active") == []


def test_a_filter_that_names_nothing_is_said_so(api, scheduled):
    reply = api.get("/reservations", {"state": "on", "region": "mars", "server_type": "abacus"})

    assert assert_problem(reply, 422, "invalid_input") == {
        "/state/0": "invalid_choice",
        "/region": "unknown",
        "/server_type": "unknown",
    }


def test_another_project_of_the_same_organization_sees_nothing(buyer, scheduled):
    other = Api.of(factories.project(buyer.organization))

    assert other.get("/reservations").json()["data"] == []
    assert_problem(other.get(f"/reservations/{scheduled.public_id}"), 404, "not_found")


def test_servers_that_are_lost_make_it_degraded(api, starting):
    lost, kept = Operation.objects.get().parts.order_by("position")
    outcomes.server_failed(part=lost)
    outcomes.server_ready(part=kept, ssh_user="ubuntu")
    outcomes.deploy_finished(operation=kept.operation)

    found = api.get(f"/reservations/{starting.public_id}").json()

    assert (found["degraded"], found["servers_ready"]) == (True, 1)
    assert found["state_reason"] == "1 of 2 servers failed"
