"""Webhooks over HTTP."""

import json

import pytest

from portal.api.models import KeptReply
from portal.tenancy.roles import Role
from portal.webhooks.models import Endpoint, Message
from tests import factories
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes
from tests.webhooks import receiving

HOOK = {"url": "https://example.com/hooks", "event_types": ["invoice.issued", "incident.opened"]}


@pytest.fixture
def owner(buyer):
    return Api(factories.token(buyer.project, Role.OWNER)[1])


def patch(api, address, body, **headers):
    return api.send("PATCH", address, json.dumps(body), **headers)


def test_a_webhook_is_added_shown_changed_and_removed(owner):
    made = owner.post("/webhooks", HOOK)
    row = Endpoint.objects.get()
    address = f"/webhooks/{row.public_id}"

    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1{address}")
    shown = made.json()
    assert shown.pop("secret").startswith("whsec_")
    assert shown["event_types"] == ["incident.opened", "invoice.issued"]
    assert owner.get(address).json() == shown
    assert owner.get("/webhooks").json() == {"data": [shown], "next_cursor": None}
    tag = owner.get(address).headers["ETag"]
    assert patch(owner, address, {"state": "disabled"}, **{"If-Match": tag}).json()["state"] == "disabled"
    assert_problem(patch(owner, address, {"state": "enabled"}, **{"If-Match": tag}), 412, "precondition_failed")
    assert_problem(owner.post(f"{address}/ping"), 409, "state_conflict")
    assert owner.delete(address).status_code == 204
    assert_problem(owner.get(address), 404, "not_found")


def test_the_same_key_shows_the_same_secret_and_keeps_it_encrypted(owner):
    first, second = (owner.post("/webhooks", HOOK, key="k1") for _ in range(2))

    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json()["secret"] not in KeptReply.objects.get().body
    assert Endpoint.objects.count() == 1
    address = f"/webhooks/{first.json()['id']}/rotate-secret"
    turned = [owner.post(address, key="k2").json()["secret"] for _ in range(2)]
    assert turned[0] == turned[1] != first.json()["secret"]


def test_a_ping_stands_in_the_log_and_is_sent_again(owner, buyer):
    hook, _ = receiving.endpoint(buyer)
    address = f"/webhooks/{hook.public_id}"
    sent = owner.post(f"{address}/ping")
    Message.objects.update(next_try_at=None)
    (listed,) = owner.get(f"{address}/deliveries").json()["data"]

    assert (sent.status_code, sent.json()["state"]) == (201, "waiting")
    assert (listed["id"], listed["type"], listed["state"]) == (sent.json()["id"], "webhook.ping", "failed")
    again = owner.post(f"{address}/deliveries/{listed['id']}/resend")
    assert (again.status_code, again.json()["state"], again.json()["id"]) == (200, "waiting", listed["id"])
    assert_problem(owner.post(f"{address}/deliveries/msg_nothing/resend"), 404, "not_found")


def test_what_is_wrong_is_refused_by_its_fields(owner):
    with nothing_changes():
        wrong = assert_problem(owner.post("/webhooks", {"url": "http://x", "event_types": ["x"]}), 422, "invalid_input")
        missing = assert_problem(owner.post("/webhooks", {"url": 5}), 422, "invalid_input")
        rehearsed = owner.post("/webhooks?dry_run=true", HOOK)

    assert wrong == {"/url": "not_https", "/event_types": "unknown"}
    assert set(missing) == {"/url", "/event_types"}
    assert rehearsed.json()["dry_run"] is True


def test_operators_neither_see_nor_add_webhooks(buyer):
    receiving.endpoint(buyer)
    operator = Api(factories.token(buyer.project, Role.OPERATOR)[1])
    with nothing_changes():
        assert_problem(operator.get("/webhooks"), 403, "permission_denied")
        assert_problem(operator.post("/webhooks", HOOK), 403, "permission_denied")
