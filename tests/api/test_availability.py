"""Searching for free servers over HTTP."""

import pytest

from tests import factories
from tests.api.client import assert_problem, order
from tests.api.world import nothing_changes

SEARCH = ("server_type", "region", "count", "starts_at", "ends_at", "placement", "fabric")


@pytest.fixture
def search(buyer):
    """Return the query of a search that fits."""
    return {name: value for name, value in order(buyer.project, placement="same_fabric").items() if name in SEARCH}


def test_what_fits_is_offered_with_its_price_and_its_neighbours(noon, api, search):
    found = api.get("/availability", search).json()

    assert {name: found[name] for name in ("available", "free", "next_fit")} == {
        "available": True,
        "free": 8,
        "next_fit": None,
    }
    assert [offer["kind"] for offer in found["offers"]] == ["exact", "longer", "shorter", "earlier", "later"]
    assert found["offers"][0] == {
        "kind": "exact",
        "server_type": "h100x8",
        "region": "eu-north-1",
        "fabric": "A",
        "count": 2,
        "starts_at": "2030-01-16T12:00:00Z",
        "ends_at": "2030-01-17T12:00:00Z",
        "placement": "same_fabric",
        "price": {"amount": "960.00", "currency": "USD"},
        "rate_per_gpu_hour": {"amount": "2.50", "currency": "USD"},
    }


def test_what_does_not_fit_says_when_it_will(noon, api, buyer, search):
    factories.reservation(buyer, count=7)

    found = api.get("/availability", search).json()

    assert (found["available"], found["free"]) == (False, 1)
    assert found["next_fit"] == {"starts_at": "2030-01-17T12:50:00Z", "ends_at": "2030-01-18T12:50:00Z"}
    assert len(found["offers"]) <= 6
    assert {offer["kind"] for offer in found["offers"]} >= {"later", "fewer"}


def test_every_offer_can_be_reserved_as_it_is(api, buyer, search):
    factories.reservation(buyer, count=7)
    offers = api.get("/availability", search).json()["offers"]

    for offer in offers:
        wish = {name: offer[name] for name in SEARCH if name in offer}
        reply = api.post("/reservations?dry_run=true", order(buyer.project, **wish))

        assert reply.status_code == 200, offer
        assert reply.json()["price"] == offer["price"]
    assert len(offers) >= 2


def test_another_fabric_is_offered_where_the_named_one_is_too_small(api, buyer, search):
    factories.servers(1, in_fabric=factories.fabric("B"))

    found = api.get("/availability", search | {"fabric": "B"}).json()

    assert (found["available"], found["free"]) == (False, 1)
    offers = {offer["kind"]: offer for offer in found["offers"]}
    assert (offers["other_fabric"]["fabric"], offers["other_fabric"]["count"]) == ("A", 2)
    assert (offers["fewer"]["fabric"], offers["fewer"]["count"]) == ("B", 1)
    assert assert_problem(api.get("/availability", search | {"fabric": "Z"}), 422, "invalid_input") == {
        "/fabric": "unknown"
    }


def test_one_server_from_now_on_is_searched_for_by_default(api, search):
    for name in ("count", "starts_at", "placement"):
        del search[name]

    found = api.get("/availability", search).json()

    assert (found["available"], found["offers"][0]["count"]) == (True, 1)


def test_what_is_not_sold_is_said_so(api, search):
    factories.region("us-east-1")

    assert_problem(api.get("/availability", {**search, "region": "us-east-1"}), 409, "not_sold")


def test_everything_that_is_wrong_is_told_at_once(api, search):
    with nothing_changes():
        reply = api.get("/availability", {"count": "0", "ends_at": "soon", "placement": "near", "gpu": "8"})

    assert assert_problem(reply, 422, "invalid_input") == {
        "/server_type": "required",
        "/region": "required",
        "/ends_at": "invalid",
        "/placement": "invalid_choice",
        "/gpu": "unknown_field",
    }


WRONG = [
    ({"count": "0"}, {"/count": "out_of_range"}),
    ({"count": "-1"}, {"/count": "out_of_range"}),
    ({"count": "100000"}, {"/count": "out_of_range"}),
    ({"count": "9" * 400}, {"/count": "out_of_range"}),
    ({"count": "9" * 2000}, {"/count": "max_string_length"}),
    ({"count": "1.5"}, {"/count": "invalid"}),
    ({"count": ""}, {"/count": "invalid"}),
    ({"count": ["1", "2"]}, {"/count": "repeated"}),
    ({"server_type": "abacus"}, {"/server_type": "unknown"}),
    ({"server_type": "h100x8\x00"}, {"/server_type": "null_characters_not_allowed"}),
    ({"region": "mars"}, {"/region": "unknown"}),
    ({"region": "\x00"}, {"/region": "null_characters_not_allowed"}),
    ({"starts_at": "2020-01-01T00:00:00Z"}, {"/starts_at": "in_the_past"}),
    ({"starts_at": "2999-01-01T00:00:00Z"}, {"/starts_at": "too_far"}),
    ({"starts_at": "2030-01-01T00:00:00"}, {"/starts_at": "no_offset"}),
    ({"starts_at": "2030-01-01T00:00:00+01:00 "}, {"/starts_at": "invalid"}),
    ({"ends_at": "2020-01-01T00:00:00Z"}, {"/ends_at": "not_after_start"}),
    ({"ends_at": "9999-12-31T23:59:59-12:00"}, {"/ends_at": "invalid"}),
    ({"ends_at": "0001-01-01T00:00:00+12:00"}, {"/ends_at": "invalid"}),
    ({"ends_at": "9999-12-31T23:59:59Z"}, {"/ends_at": "too_long"}),
    ({"count": "0", "starts_at": "2020-01-01T00:00:00Z"}, {"/count": "out_of_range", "/starts_at": "in_the_past"}),
]


def test_bad_searches_name_the_field(api, search):
    for fields, errors in WRONG:
        reply = api.get("/availability", {**search, **fields})
        assert assert_problem(reply, 422, "invalid_input") == errors, fields
