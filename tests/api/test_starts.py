"""Searching for the next starts over HTTP."""

from datetime import timedelta

from portal.core import clock
from portal.reservations.models import Enquiry
from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes


def test_the_next_starts_come_with_their_price(noon, api, buyer):
    factories.reservation(
        buyer, count=7, starts_at=clock.now() + timedelta(hours=2), ends_at=clock.now() + timedelta(hours=4)
    )
    wish = {"server_type": "h100x8", "region": "eu-north-1", "count": 2, "hours": 3}

    found = api.get("/availability/starts", wish)

    assert found.status_code == 200
    starts = found.json()["starts"]
    # Half an hour of clean-up and twenty minutes of preparation after the others' end.
    assert starts[0] == {
        "starts_at": "2030-01-15T17:00:00Z",
        "ends_at": "2030-01-15T20:00:00Z",
        "price": {"amount": "120.00", "currency": "USD"},
    }
    assert [start["starts_at"][11:13] for start in starts] == [
        "17",
        "18",
        "19",
        "20",
        "21",
        "22",
        "23",
        "00",
        "01",
        "02",
    ]
    window = {"earliest": "2030-01-16T10:00:00Z", "latest": "2030-01-16T11:00:00Z"}
    bounded = api.get("/availability/starts", wish | window).json()["starts"]
    assert [start["starts_at"] for start in bounded] == ["2030-01-16T10:00:00Z", "2030-01-16T11:00:00Z"]
    assert api.get("/availability/starts", wish | {"count": 9}).json() == {"starts": []}
    assert list(Enquiry.objects.filter(kind="starts").values_list("outcome", flat=True)) == ["no_fit", "fits", "fits"]


def test_wrong_fields_of_a_search_for_starts_are_named(api):
    wish = {"server_type": "h100x8", "region": "eu-north-1", "hours": 3}
    wrong = [
        ({"hours": "0"}, {"/hours": "too_short"}),
        ({"hours": "9" * 300}, {"/hours": "too_long"}),
        ({"count": "0", "hours": "0"}, {"/count": "out_of_range", "/hours": "too_short"}),
        ({"latest": "2020-01-01T00:00:00Z"}, {"/latest": "in_the_past"}),
        ({"earliest": "2999-01-01T00:00:00Z"}, {"/latest": "before_earliest"}),
        ({"fabric": "Z"}, {"/fabric": "unknown"}),
        ({"ends_at": "2030-01-01T00:00:00Z"}, {"/ends_at": "unknown_field"}),
    ]

    with nothing_changes():
        for fields, errors in wrong:
            reply = api.get("/availability/starts", {**wish, **fields})
            assert assert_problem(reply, 422, "invalid_input") == errors, fields
