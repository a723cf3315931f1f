"""How often the database is asked: neither what is booked nor how large the fleet is makes a difference."""

import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.api import idempotency
from portal.core import clock
from tests import factories
from tests.api.client import order

WISH = ("server_type", "region", "count", "starts_at", "ends_at")
ORDER = ("name", "image", "ssh_keys")


@pytest.fixture(autouse=True)
def used(noon, api, monkeypatch):
    """Let the use of the token be noted already, and no key be the one in so many that forgets old ones."""
    monkeypatch.setattr(idempotency, "PURGED_EVERY", sys.maxsize)
    api.get("/me")


def asked(api, path, body, status=201):
    """Return how many statements a POST takes, and its reply."""
    with CaptureQueriesContext(connection) as queries:
        reply = api.post(path, body)
    assert reply.status_code == status, reply.content
    return len(queries), reply.json()


def grow(buyer):
    """Give the fleet more fabrics and servers, and the calendar more bookings."""
    for name in "BCD":
        factories.servers(8, in_fabric=factories.fabric(name))
    for week in range(1, 5):
        factories.reservation(buyer, count=6, starts_at=clock.now() + week * timedelta(days=7))


def test_reserving_takes_as_many_statements_for_eight_as_for_one_and_in_a_large_fleet_as_in_a_small_one(api, buyer):
    def reserve(name, count, **fields):
        return asked(api, "/reservations", order(buyer.project, name=name, count=count, **fields))[0]

    small = [reserve("one", 1), reserve("seven", 7)]
    grow(buyer)
    large = [reserve("two", 2), reserve("eight", 8)]

    assert {*small, *large} == {18}


def test_what_starts_now_takes_as_many_for_many_as_for_few(api, buyer):
    few, many = (
        asked(api, "/reservations", order(buyer.project, name=f"n{count}", count=count, starts_at=None))[0]
        for count in (2, 6)
    )

    assert few == many


def test_holding_and_accepting_take_as_many_for_many_as_for_few(api, buyer):
    def hold_and_accept(count):
        body = order(buyer.project, count=count, name=f"n{count}")
        held, quote = asked(api, "/quotes", {name: body[name] for name in WISH} | {"hold": True})
        path = f"/quotes/{quote['id']}/accept"
        return held, asked(api, path, {name: body[name] for name in ORDER})[0]

    few = hold_and_accept(1)
    assert hold_and_accept(7) == few
    grow(buyer)
    assert hold_and_accept(8) == few


def test_changes_take_as_many_for_many_as_for_few(api, buyer):
    def change(count):
        row = factories.reservation(buyer, count=count)
        path = f"/reservations/{row.public_id}"
        later, sooner = ({"ends_at": clock.as_rfc3339(row.span.end + hours * timedelta(hours=1))} for hours in (24, -3))
        return [
            asked(api, f"{path}/extend", later, 200)[0],
            asked(api, f"{path}/shorten", sooner, 200)[0],
            asked(api, f"{path}/add-servers", {"count": 1}, 200)[0],
        ]

    factories.servers(8)
    assert change(1) == change(7)
