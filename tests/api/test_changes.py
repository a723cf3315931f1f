"""Changing reservations over HTTP: their end, their size, their project, and what calling them off costs."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.catalog.models import PriceBook
from portal.catalog.services import set_terms
from portal.catalog.terms import CancellationTerms
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.reservations.models import Reservation
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes

DAY = timedelta(days=1)


@pytest.fixture
def fixed_terms(buyer):
    """Let calling off cost 25 % with a day of notice, and all with less; free with ten days."""
    notices = [(timedelta(days=10), Decimal(0)), (DAY, Decimal(25))]
    set_terms(actor=SYSTEM, book=PriceBook.objects.get(), terms=CancellationTerms.of_pairs(notices))


@pytest.fixture
def booked(noon, fixed_terms, buyer):
    """Return a reservation of two servers for two days, from the day after tomorrow on, by fixed terms."""
    begin = clock.now() + 2 * DAY
    return factories.reservation(buyer, name="train", count=2, starts_at=begin, ends_at=begin + 2 * DAY)


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def address_of(reservation, action):
    return f"/reservations/{reservation.public_id}/{action}"


def test_a_reservation_tells_what_calling_it_off_costs(noon, api, booked):
    shown = api.get(f"/reservations/{booked.public_id}").json()

    assert shown["cancellation"] == {
        "fee": usd("480.00"),
        "percent": "25",
        "free_until": "2030-01-07T12:00:00Z",
        "terms": [{"notice_hours": 240, "percent": "0"}, {"notice_hours": 24, "percent": "25"}],
        "description": "Cancellation costs 25 % until 16 Jan 12:00 UTC, then 100 %.",
    }
    assert shown["hold_expires_at"] is None
    noon.shift(DAY + timedelta(seconds=1))
    later = api.get(f"/reservations/{booked.public_id}").json()
    assert later["cancellation"]["fee"] == usd("1920.00")


def test_a_hold_tells_when_it_returns_and_costs_nothing(noon, fixed_terms, api, buyer):
    quote = factories.quote(buyer, hold=True)

    shown = api.get(f"/reservations/{quote.reservation.public_id}").json()

    assert (shown["state"], shown["hold_expires_at"]) == ("held", "2030-01-15T12:15:00Z")
    assert shown["cancellation"]["fee"] == usd("0.00")


def test_cancelling_shows_the_amount_first_and_then_owes_it(api, booked):
    with nothing_changes():
        first = api.post(f"{address_of(booked, 'cancel')}?dry_run=true")
    done = api.post(address_of(booked, "cancel"))

    assert (first.json()["state"], first.json()["price"]) == ("cancelled", usd("480.00"))
    assert (done.json()["state"], done.json()["price"]) == ("cancelled", usd("480.00"))
    assert done.json()["cancellation"]["fee"] == usd("480.00")


def test_nobody_cancels_at_another_fee_than_was_shown(noon, api, booked):
    seen = api.get(f"/reservations/{booked.public_id}").headers["ETag"]
    noon.shift(DAY + timedelta(seconds=1))

    with nothing_changes():
        reply = api.post(address_of(booked, "cancel"), **{"If-Match": seen})

    assert_problem(reply, 412, "precondition_failed")


def test_extending_keeps_the_servers_and_adds_a_line_to_the_price(api, booked):
    servers = set(booked.allocations.values_list("server", flat=True))
    wish = {"ends_at": clock.as_rfc3339(booked.span.end + DAY)}
    with nothing_changes():
        first = api.post(f"{address_of(booked, 'extend')}?dry_run=true", wish)
    done = api.post(address_of(booked, "extend"), wish)

    assert done.status_code == 200
    assert done.json() | {"dry_run": True} == first.json()
    assert (done.json()["id"], done.json()["ends_at"]) == (booked.public_id, "2030-01-20T12:00:00Z")
    assert done.json()["price"] == usd("2880.00")
    assert [line["amount"] for line in done.json()["price_lines"]] == [usd("1920.00"), usd("960.00")]
    assert all(set(line) == {"label", "quantity", "amount"} for line in done.json()["price_lines"])
    assert done.content == api.get(f"/reservations/{booked.public_id}").content
    assert set(booked.allocations.values_list("server", flat=True)) == servers


def test_a_blocked_extension_tells_how_far_it_could_go(noon, api, buyer):
    first = factories.reservation(buyer, count=8)
    factories.reservation(buyer, count=8, starts_at=first.span.end + DAY)

    with nothing_changes():
        reply = api.post(address_of(first, "extend"), {"ends_at": clock.as_rfc3339(first.span.end + 3 * DAY)})

    assert_problem(reply, 409, "extension_blocked")
    blocked = clock.as_rfc3339(first.span.end + DAY - first.server_type.lead_time)
    latest = clock.as_rfc3339(first.span.end + DAY - first.server_type.lead_time - first.server_type.cleanup_time)
    extra = {name: reply.json()[name] for name in ("latest_end", "blocked_servers", "blocked_from")}
    assert extra == {"latest_end": latest, "blocked_servers": 8, "blocked_from": blocked}
    assert api.post(address_of(first, "extend"), {"ends_at": latest}).json()["ends_at"] == latest


def test_shortening_shows_what_the_rest_costs(api, booked):
    wish = {"ends_at": clock.as_rfc3339(booked.span.end - DAY)}
    with nothing_changes():
        first = api.post(f"{address_of(booked, 'shorten')}?dry_run=true", wish)
    done = api.post(address_of(booked, "shorten"), wish)

    assert done.json() | {"dry_run": True} == first.json()
    assert done.json()["ends_at"] == "2030-01-18T12:00:00Z"
    # A day of two servers, and a quarter of the other.
    assert done.json()["price"] == usd("1200.00")
    assert [line["amount"] for line in done.json()["price_lines"]] == [usd("960.00"), usd("240.00")]


def test_added_servers_are_of_the_same_reservation(api, booked):
    with nothing_changes():
        first = api.post(f"{address_of(booked, 'add-servers')}?dry_run=true", {"count": 2})
    done = api.post(address_of(booked, "add-servers"), {"count": 2})

    assert done.json() | {"dry_run": True} == first.json()
    assert (done.json()["count"], done.json()["gpu_count"], done.json()["price"]) == (4, 32, usd("3840.00"))
    assert booked.allocations.count() == 4
    with nothing_changes():
        more = api.post(address_of(booked, "add-servers"), {"count": 5})
    assert_problem(more, 409, "insufficient_capacity")
    assert more.json()["available"] == 4


def test_a_token_gives_nothing_to_other_projects(api, buyer, booked):
    sister = factories.project(buyer.organization)

    with nothing_changes():
        reply = api.post(address_of(booked, "transfer"), {"project": sister.public_id})

    assert_problem(reply, 403, "permission_denied")


def test_a_project_of_another_organization_is_unknown(api, foreign, booked):
    with nothing_changes():
        reply = api.post(address_of(booked, "transfer"), {"project": foreign.project.public_id})

    assert assert_problem(reply, 422, "invalid_input") == {"/project": "unknown"}


def test_limits_hold_for_what_is_added(api, buyer, booked):
    type(buyer.organization).objects.update(approval_limit=900)
    with nothing_changes():
        dear = api.post(address_of(booked, "add-servers"), {"count": 1})
    assert_problem(dear, 403, "approval_required")
    assert (dear.json()["limit"], dear.json()["total"]) == (usd("900.00"), usd("960.00"))

    type(buyer.organization).objects.update(approval_limit=None)
    buyer.organization.quotas.update(limit=2)
    with nothing_changes():
        over = api.post(address_of(booked, "add-servers"), {"count": 1})
    assert_problem(over, 409, "quota_exceeded")


BODIES = {
    "extend": {"ends_at": "2030-01-21T12:00:00Z"},
    "shorten": {"ends_at": "2030-01-18T12:00:00Z"},
    "add-servers": {"count": 1},
    "transfer": {"project": "prj_x"},
}


@pytest.mark.parametrize(
    ("action", "body", "errors"),
    [
        ("extend", {}, {"/ends_at": "required"}),
        ("extend", {"ends_at": "soon"}, {"/ends_at": "invalid"}),
        ("extend", {"ends_at": "2030-01-18T12:00:00Z"}, {"/ends_at": "not_after_end"}),
        ("extend", {"ends_at": "9999-12-31T23:59:59Z"}, {"/ends_at": "too_long"}),
        ("shorten", {"ends_at": "2030-01-20T12:00:00Z"}, {"/ends_at": "not_before_end"}),
        ("shorten", {"ends_at": "2030-01-15T12:00:00Z"}, {"/ends_at": "too_soon"}),
        ("add-servers", {"count": "1"}, {"/count": "invalid"}),
        ("add-servers", {"count": 0}, {"/count": "out_of_range"}),
        ("add-servers", {"count": 10**30}, {"/count": "out_of_range"}),
        ("transfer", {"project": 7}, {"/project": "invalid"}),
        ("transfer", {"project": "prj_x"}, {"/project": "unknown"}),
        ("extend", BODIES["extend"] | {"count": 3}, {"/count": "unknown_field"}),
    ],
)
def test_a_wrong_field_is_named(api, booked, action, body, errors):
    with nothing_changes():
        assert assert_problem(api.post(address_of(booked, action), body), 422, "invalid_input") == errors


@pytest.mark.parametrize("action", BODIES)
def test_what_is_over_and_what_is_only_held_is_not_changed(noon, api, buyer, booked, action):
    held = factories.quote(buyer, hold=True).reservation
    body = BODIES[action] | (
        {"project": factories.project(buyer.organization).public_id} if action == "transfer" else {}
    )
    api.post(address_of(booked, "cancel"))

    with nothing_changes():
        replies = [api.post(address_of(row, action), body) for row in (held, booked)]

    for reply in replies:
        # Who may not give at all is not told more.
        assert_problem(reply, *((403, "permission_denied") if action == "transfer" else (409, "state_conflict")))


@pytest.mark.parametrize("action", BODIES)
def test_another_version_another_role_and_another_tenant_are_refused(buyer, foreign, booked, action):
    sister = factories.project(buyer.organization)
    body = BODIES[action] | ({"project": sister.public_id} if action == "transfer" else {})
    address = address_of(booked, action)

    own, viewer = Api.of(buyer.project), Api.of(buyer.project, Role.VIEWER)
    others = [Api.of(project) for project in (sister, foreign.project)]

    with nothing_changes():
        stale = own.post(address, body, **{"If-Match": '"other"'})
        seen = viewer.post(address, body)
        strange = [other.post(address, body) for other in others]

    assert_problem(stale, 412, "precondition_failed")
    assert_problem(seen, 403, "permission_denied")
    for reply in strange:
        assert_problem(reply, 404, "not_found")


def test_a_repeated_change_is_made_once(api, booked):
    first = api.post(address_of(booked, "add-servers"), {"count": 1}, key="once")
    again = api.post(address_of(booked, "add-servers"), {"count": 1}, key="once")

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Reservation.objects.get().count == 3
