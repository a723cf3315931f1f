"""Rehearsals: the whole way, and back."""

import json

import pytest

from portal.audit.models import AuditEvent
from portal.operations.services.queue import wake
from portal.reservations.models import Reservation
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes, world

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfqPLZWKeuiWSS2xUPmRAz3p5ULYFX1gbTNMq0CRpsU"


@pytest.fixture
def writes(buyer, active, scheduled):
    """Return every write of the API as method, path and body, with the state or name that it leads to."""
    key = buyer.project.ssh_keys.get()
    return [
        ("POST", "/reservations", order(buyer.project, starts_at=None), ("state", "provisioning")),
        ("POST", f"/reservations/{scheduled.public_id}/cancel", {}, ("state", "cancelled")),
        ("POST", f"/reservations/{active.public_id}/release", {}, ("state", "ending")),
        ("POST", "/ssh-keys", {"public_key": OTHER_KEY, "name": "new"}, ("name", "new")),
        ("DELETE", f"/ssh-keys/{key.public_id}", None, ("name", key.name)),
    ]


def send(api, method, path, body):
    return api.delete(path) if method == "DELETE" else api.post(path, body)


def test_a_rehearsal_tells_the_effects_and_changes_nothing(api, writes, django_capture_on_commit_callbacks):
    for method, path, body, (name, value) in writes:
        with nothing_changes(), django_capture_on_commit_callbacks() as woken:
            reply = send(api, method, f"{path}?dry_run=true", body)

        assert reply.status_code == 200, path
        assert reply.json()["dry_run"] is True
        assert reply.json()[name] == value
        assert woken == [], path
        assert "ETag" not in reply.headers


def test_control_the_same_writes_change_something_and_wake_workers(api, writes, django_capture_on_commit_callbacks):
    awake = 0
    for method, path, body, (name, value) in writes:
        before = world()
        with django_capture_on_commit_callbacks() as woken:
            reply = send(api, method, path, body)

        assert reply.status_code in (200, 201, 204), path
        if reply.content:
            assert reply.json()[name] == value
            assert "dry_run" not in reply.json()
        assert {label for label, rows in world().items() if rows != before[label]} >= {"audit.AuditEvent"}
        awake += sum(getattr(task, "func", None) is wake for task in woken)
    assert awake == 2, "one to prepare, one to erase"


def test_a_rehearsal_needs_no_key_and_leaves_none_behind(api, buyer):
    body = order(buyer.project)
    with nothing_changes():
        reply = api.send("POST", "/reservations?dry_run=true", json.dumps(body))
        again = api.post("/reservations?dry_run=true", body, key="k1")

    assert (reply.status_code, again.status_code) == (200, 200)
    assert api.post("/reservations", body, key="k1").status_code == 201


def test_what_a_rehearsal_says_is_what_comes(noon, api, buyer):
    body = order(buyer.project, starts_at=None)
    rehearsed = api.post("/reservations?dry_run=true", body).json()
    done = api.post("/reservations", body).json()

    differ = {name for name in done if done[name] != rehearsed[name]}
    assert differ == {"id", "operation"}


def test_a_rehearsal_is_refused_as_the_write_would_be(api, buyer, scheduled):
    viewer = Api.of(buyer.project, "viewer")
    with nothing_changes():
        assert_problem(
            api.post("/reservations?dry_run=true", order(buyer.project, count=9)), 409, "insufficient_capacity"
        )
        assert_problem(api.post("/reservations?dry_run=true", {}), 422, "invalid_input")
        assert_problem(viewer.post("/reservations?dry_run=true", order(buyer.project)), 403, "permission_denied")
        assert_problem(api.post(f"/reservations/{scheduled.public_id}/release?dry_run=true"), 409, "state_conflict")


@pytest.mark.parametrize("value", ["treu", "", "2", "null"])
def test_a_mistyped_rehearsal_is_not_carried_out(api, buyer, value):
    with nothing_changes():
        reply = api.post(f"/reservations?dry_run={value}", order(buyer.project))

    assert assert_problem(reply, 422, "invalid_input") == {"/dry_run": "invalid"}


@pytest.mark.parametrize("query", ["dryrun=true", "dry_run=true&dry_run=false", "limit=1"])
def test_a_query_field_that_a_write_does_not_know_stops_it(api, buyer, query):
    with nothing_changes():
        reply = api.post(f"/reservations?{query}", order(buyer.project))

    assert_problem(reply, 422, "invalid_input")


def test_the_record_names_token_and_request(api, buyer):
    reply = api.post("/reservations", order(buyer.project), **{"X-Request-Id": "from-the-proxy-1"})

    kept = AuditEvent.objects.get(verb="reservation.created")
    assert kept.target == Reservation.objects.get().public_id
    assert (kept.actor_kind, kept.actor_id) == ("token", buyer.project.api_tokens.get().public_id)
    assert kept.request_id == reply.headers["X-Request-Id"] == "from-the-proxy-1"
    assert factories.KEY not in str(kept.data)
