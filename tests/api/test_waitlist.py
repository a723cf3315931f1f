"""The waiting list over HTTP."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.core import clock
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.services.waitlist import offer_waiting
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes


@pytest.fixture
def wish():
    """Return the body of a wish for all servers for a day, within a week."""
    return {
        "server_type": "h100x8",
        "region": "eu-north-1",
        "count": 8,
        "hours": 24,
        "latest": clock.as_rfc3339(clock.now() + timedelta(days=7)),
    }


def address_of(reply):
    return f"/waitlist/{reply.json()['id']}"


def test_who_waits_is_told_the_place_in_the_queue(noon, api, buyer, wish):
    factories.waitlist_entry(count=3)

    made = api.post("/waitlist", wish | {"ceiling": "4000.50"})

    row = WaitlistEntry.objects.get(project=buyer.project)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/waitlist/{row.public_id}"
    assert made.json() == {
        "id": row.public_id,
        "state": "waiting",
        "state_reason": "",
        "state_changed_at": "2030-01-15T12:00:00Z",
        "place": 2,
        "obstacle": "",
        "offer": None,
        "missed_offers": 0,
        "server_type": "h100x8",
        "region": "eu-north-1",
        "count": 8,
        "hours": 24,
        "earliest": "2030-01-15T12:00:00Z",
        "latest": "2030-01-22T12:00:00Z",
        "placement": "same_fabric",
        "ceiling": {"amount": "4000.50", "currency": "USD"},
        "project": buyer.project.public_id,
        "requested_by": "API token ci",
        "created_at": "2030-01-15T12:00:00Z",
    }
    assert api.get(address_of(made)).json() == made.json()
    assert api.get("/waitlist").json() == {"data": [made.json()], "next_cursor": None}


def test_an_offer_is_shown_and_accepted_as_a_quote(noon, api, buyer, wish):
    address = address_of(api.post("/waitlist", wish))
    assert offer_waiting() == 1

    entry = api.get(address).json()

    offer = Quote.objects.get()
    assert (entry["state"], entry["place"]) == ("offered", None)
    assert entry["offer"] == {
        "quote": offer.public_id,
        "starts_at": clock.as_rfc3339(offer.span.start),
        "ends_at": clock.as_rfc3339(offer.span.end),
        "price": {"amount": "3840.00", "currency": "USD"},
        "expires_at": clock.as_rfc3339(offer.expires_at),
    }
    assert api.get(f"/quotes/{offer.public_id}").json()["waitlist_entry"] == entry["id"]
    body = {name: value for name, value in order(buyer.project).items() if name in ("name", "image", "ssh_keys")}
    assert api.post(f"/quotes/{offer.public_id}/accept", body).status_code == 201
    after = api.get(address).json()
    assert (after["state"], after["offer"]) == ("accepted", None)


def test_who_leaves_gives_up_the_offer_too(api, wish):
    made = api.post("/waitlist", wish)
    offer_waiting()

    reply = api.post(f"{address_of(made)}/leave")

    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["offer"], reply.json()["place"]) == ("withdrawn", None, None)
    assert Quote.objects.get().state == "withdrawn"
    with nothing_changes():
        assert_problem(api.post(f"{address_of(made)}/leave"), 409, "state_conflict")


def test_leaving_another_version_is_refused(api, wish):
    made = api.post("/waitlist", wish)

    with nothing_changes():
        reply = api.post(f"{address_of(made)}/leave", **{"If-Match": '"other"'})
    assert_problem(reply, 412, "precondition_failed")

    assert api.post(f"{address_of(made)}/leave", **{"If-Match": made.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"count": 0}, {"/count": "out_of_range"}),
        ({"hours": 0}, {"/hours": "too_short"}),
        ({"hours": -(10**30)}, {"/hours": "too_short"}),
        ({"hours": 10**30}, {"/hours": "too_long"}),
        ({"hours": "24"}, {"/hours": "invalid"}),
        ({"latest": "2020-01-01T00:00:00Z"}, {"/latest": "in_the_past"}),
        ({"latest": "2999-01-01T00:00:00Z"}, {"/latest": "too_far"}),
        ({"earliest": "2998-01-01T00:00:00Z"}, {"/latest": "before_earliest"}),
        ({"ceiling": 5}, {"/ceiling": "invalid"}),
        ({"ceiling": "-5"}, {"/ceiling": "malformed"}),
        ({"ceiling": "NaN"}, {"/ceiling": "malformed"}),
        ({"ceiling": "0"}, {"/ceiling": "out_of_range"}),
        ({"ceiling": "5.001"}, {"/ceiling": "out_of_range"}),
        ({"ceiling": "9" * 20}, {"/ceiling": "out_of_range"}),
        ({"count": 0, "hours": 0}, {"/count": "out_of_range", "/hours": "too_short"}),
        ({"fabric": "A"}, {"/fabric": "unknown_field"}),
    ],
)
def test_a_wrong_field_is_named(api, wish, changes, errors):
    with nothing_changes():
        assert assert_problem(api.post("/waitlist", wish | changes), 422, "invalid_input") == errors


def test_what_is_not_sold_and_what_is_too_much_is_refused(api, settings, wish):
    settings.METALYARD_WAITLIST_ENTRIES = 1
    factories.region("us-east-1")
    with nothing_changes():
        assert_problem(api.post("/waitlist", wish | {"region": "us-east-1"}), 409, "not_sold")
    api.post("/waitlist", wish)

    with nothing_changes():
        reply = api.post("/waitlist", wish)

    assert_problem(reply, 409, "waitlist_limit_reached")
    assert reply.json()["limit"] == 1


def test_rehearsals_change_nothing_and_a_repeated_wish_waits_once(api, wish):
    made = api.post("/waitlist", wish, key="once")
    with nothing_changes():
        again = api.post("/waitlist", wish, key="once")
        rehearsed = api.post("/waitlist?dry_run=true", wish)
        gone = api.post(f"{address_of(made)}/leave?dry_run=true")

    assert again.content == made.content
    assert (rehearsed.json()["state"], rehearsed.json()["place"], rehearsed.json()["dry_run"]) == ("waiting", 2, True)
    assert (gone.json()["state"], gone.json()["dry_run"]) == ("withdrawn", True)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_sees_the_entries_and_may_not_join_or_leave(api, buyer, wish, role):
    made = api.post("/waitlist", wish)
    reader = Api.of(buyer.project, role)

    with nothing_changes():
        for reply in (reader.post("/waitlist", wish), reader.post(f"{address_of(made)}/leave")):
            assert_problem(reply, 403, "permission_denied")
    assert reader.get(address_of(made)).status_code == 200


def test_entries_of_a_sister_project_and_of_another_tenant_are_not_there(api, buyer, foreign):
    sister = factories.scope(in_project=factories.project(buyer.organization))
    for scope in (sister, foreign):
        theirs = f"/waitlist/{factories.waitlist_entry(scope).public_id}"
        with nothing_changes():
            assert_problem(api.get(theirs), 404, "not_found")
            assert_problem(api.post(f"{theirs}/leave"), 404, "not_found")
    assert api.get("/waitlist").json()["data"] == []


def test_a_state_narrows_the_list(api, buyer):
    kept = factories.waitlist_entry(buyer, ceiling=Decimal("7.5"), duration=timedelta(minutes=90))
    gone = factories.waitlist_entry(buyer)
    api.post(f"/waitlist/{gone.public_id}/leave")

    shown = api.get("/waitlist", {"state": "waiting"}).json()["data"]

    assert [(row["id"], row["hours"]) for row in shown] == [(kept.public_id, 1.5)]
    assert len(api.get("/waitlist", {"state": ["withdrawn", "waiting"]}).json()["data"]) == 2
