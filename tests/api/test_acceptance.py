"""Accepting quotes over HTTP."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.reservations.models import Quote, Reservation
from tests import factories, thawing
from tests.api.client import assert_problem
from tests.api.world import nothing_changes


def address_of(reply):
    return f"/quotes/{reply.json()['id']}"


@pytest.mark.parametrize("hold", [False, True])
def test_an_accepted_quote_is_a_reservation_at_the_quoted_price(noon, api, wish, acceptance, hold):
    quote = api.post("/quotes", wish | {"hold": hold})
    thawing.reprice("99")

    made = api.post(f"{address_of(quote)}/accept", acceptance | {"labels": {"team": "nlp"}})

    row = Reservation.objects.get()
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/reservations/{row.public_id}"
    assert made.json() == api.get(f"/reservations/{row.public_id}").json()
    assert made.json()["price"] == quote.json()["price"]
    assert made.json()["price_lines"] == quote.json()["price_lines"]
    assert {name: made.json()[name] for name in ("name", "state", "count", "labels")} == {
        "name": "train-7b",
        "state": "scheduled",
        "count": 2,
        "labels": {"team": "nlp"},
    }
    after = api.get(address_of(quote)).json()
    assert (after["state"], after["reservation"], after["checks"]) == ("accepted", row.public_id, None)


def test_an_accept_is_done_once_however_often_it_is_sent(api, wish, acceptance):
    address = f"{address_of(api.post('/quotes', wish | {'hold': True}))}/accept"

    first = api.post(address, acceptance, key="once")
    again = api.post(address, acceptance, key="once")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    with nothing_changes():
        other = api.post(address, acceptance | {"name": "other"}, key="once")
        second = api.post(address, acceptance)
    assert_problem(other, 422, "idempotency_key_reused")
    assert_problem(second, 409, "state_conflict")
    assert second.json()["reservation"] == first.json()["id"]
    assert Reservation.objects.count() == 1


def test_without_a_key_nothing_is_accepted(api, wish, acceptance):
    quote = api.post("/quotes", wish)

    with nothing_changes():
        reply = api.client.post(
            f"/api/v1{address_of(quote)}/accept",
            acceptance,
            content_type="application/json",
            headers={"Authorization": f"Bearer {api.token}"},
        )

    assert_problem(reply, 400, "idempotency_key_required")


@pytest.mark.parametrize("hold", [False, True])
def test_a_quote_that_expired_is_refused_with_the_instant(noon, api, wish, acceptance, hold):
    quote = api.post("/quotes", wish | {"hold": hold})
    noon.shift(timedelta(minutes=15))

    with nothing_changes():
        reply = api.post(f"{address_of(quote)}/accept", acceptance)

    assert_problem(reply, 409, "quote_expired")
    assert reply.json()["expires_at"] == "2030-01-15T12:15:00Z"


def test_a_price_alone_keeps_no_servers(noon, api, buyer, wish, acceptance):
    quote = api.post("/quotes", wish)
    factories.reservation(buyer, count=7)

    with nothing_changes():
        reply = api.post(f"{address_of(quote)}/accept", acceptance)

    assert_problem(reply, 409, "insufficient_capacity")
    assert reply.json()["available"] == 1


def test_wrong_fields_of_an_acceptance_are_named(api, foreign, wish, acceptance):
    address = f"{address_of(api.post('/quotes', wish | {'hold': True}))}/accept"
    wrong = [
        ({"image": "nothing"}, {"/image": "unknown"}),
        ({"ssh_keys": [foreign.project.ssh_keys.get().public_id]}, {"/ssh_keys/0": "unknown"}),
        ({"ssh_keys": []}, {"/ssh_keys": "required"}),
        ({"name": "No Name"}, {"/name": "invalid_name"}),
        ({"count": 3}, {"/count": "unknown_field"}),
    ]

    with nothing_changes():
        for changes, errors in wrong:
            assert assert_problem(api.post(address, acceptance | changes), 422, "invalid_input") == errors, changes


def test_a_quote_that_starts_now_is_prepared_at_once(api, wish, acceptance):
    quote = api.post("/quotes", wish | {"starts_at": None, "hold": True})

    assert api.post(f"{address_of(quote)}/accept", acceptance).json()["state"] == "provisioning"
    assert Quote.objects.get().span.start <= clock.now()
