"""What calling a reservation off costs, over HTTP."""

from datetime import timedelta

from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes

DAY = timedelta(days=1)


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
