"""The public list of prices: no token, cacheable, never a floor."""

import json

import pytest
from django.test import Client

from tests import thawing
from tests.price_lists import full_list

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/prices"
FLOOR = "1.234567"


def test_anybody_reads_the_prices_by_type_region_term_and_commitment():
    book = full_list(floor=FLOOR)

    reply = Client().get(ADDRESS)

    found = reply.json()
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "public, max-age=300")
    assert "Set-Cookie" not in reply.headers
    assert "Cookie" not in reply.headers.get("Vary", "")
    assert (found["book"], found["version"], found["currency"], found["currencies"]) == (
        book.public_id,
        1,
        "EUR",
        ["EUR"],
    )
    b200, h100 = found["server_types"]
    assert (h100["id"], h100["gpu_count"]) == ("h100x8", 8)
    assert [(row["region"], row["months"], row["commitment"]) for row in h100["prices"]] == [
        ("eu-north-1", 0, "pay_as_you_go"),
        ("south", 0, "pay_as_you_go"),
        ("eu-north-1", 12, "pay_as_you_go"),
        ("eu-north-1", 12, "reserved"),
    ]
    assert b200["prices"][0]["per_gpu_hour"] == {"amount": "4.995", "currency": "EUR"}
    assert b200["prices"][0]["per_server_month"] == {"amount": "29170.80", "currency": "EUR"}
    assert [fee["amount"]["amount"] for fee in found["fees"]] == ["500.00", "40.00"]
    assert found["cancellation_terms"][0] == {"notice_hours": 168, "percent": "0"}
    assert found["sla_tiers"][0]["credits"] == [
        {"below": "99.5", "credit": "10"},
        {"below": "99", "credit": "25"},
    ]
    assert [tier["percent_of_spend"] for tier in found["support_tiers"]] == ["0", "3"]
    assert FLOOR not in json.dumps(found)
    assert "floor" not in json.dumps(found)


def test_a_copy_that_is_known_is_not_sent_again():
    full_list()
    tag = Client().get(ADDRESS).headers["ETag"]

    reply = Client().get(ADDRESS, headers={"If-None-Match": tag})

    assert (reply.status_code, reply.content, reply.headers["Cache-Control"]) == (304, b"", "public, max-age=300")
    thawing.reprice("1.5")
    assert Client().get(ADDRESS, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("query", ["currency=SEK", "currency=XXX", "currency=%00", "currency=eur"])
def test_a_currency_that_is_not_sold_in_is_named_with_the_way_out(query):
    full_list()

    reply = Client().get(f"{ADDRESS}?{query}")

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_input")
    assert [error["pointer"] for error in reply.json()["errors"]] == ["/currency"]


@pytest.mark.parametrize("query", ["colour=red", "currency=EUR&currency=USD"])
def test_other_questions_are_refused(query):
    full_list()

    assert Client().get(f"{ADDRESS}?{query}").status_code == 422


def test_where_nothing_is_sold_the_refusal_says_so():
    reply = Client().get(ADDRESS)

    assert (reply.status_code, reply.json()["code"]) == (409, "not_sold")


def test_it_is_only_read():
    assert Client().post(ADDRESS, {}).status_code == 405
