"""Changing reservations over HTTP: their end, their size."""

from datetime import timedelta

from portal.core import clock
from portal.reservations.models import Reservation
from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes

DAY = timedelta(days=1)


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def address_of(reservation, action):
    return f"/reservations/{reservation.public_id}/{action}"


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


def test_a_repeated_change_is_made_once(api, booked):
    first = api.post(address_of(booked, "add-servers"), {"count": 1}, key="once")
    again = api.post(address_of(booked, "add-servers"), {"count": 1}, key="once")

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Reservation.objects.get().count == 3
