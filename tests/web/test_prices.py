"""The page of prices: what everybody sees, without a login."""

import pytest
from django.test import Client

from portal.web.price_table import span_words, term_words
from tests import factories
from tests.price_lists import full_list
from tests.web.conftest import browser_of
from tests.web.seen import text

pytestmark = pytest.mark.django_db


def test_anybody_sees_prices_by_term_and_what_they_include():
    full_list(floor="1.234567")
    factories.price(rate="3.00")

    reply = Client().get("/prices")
    words = text(reply)

    assert reply.status_code == 200
    for said in (
        "On demand",
        "1 year",
        "3 years",
        "€1.99 €11,621.60",
        "€4.995 €29,170.80",
        "reserved, with minimum spend",
        "not sold",
        "Included in every price",
        "0 % with 7 d of notice, 25 % with 24 h, else 100 %",
        "Set-up, once €500.00",
        "Flex",
        "below 99.5 %: 10 %",
        "100 % of a day per started 2 h that it is late by more than 2 h",
        "14 d of notice",
        "Business Also by phone",
        "3 % of charges",
        "Log in",
    ):
        assert said in words, said
    assert "1.23" not in words
    assert '"/api/v1/prices?currency=EUR"' in reply.content.decode()
    assert '"?currency=USD"' in reply.content.decode()


def test_another_currency_is_another_list():
    full_list()
    factories.price(rate="3.00")

    words = text(Client().get("/prices?currency=USD"))

    assert "$3.00 $17,520.00" in words
    assert "€" not in words


@pytest.mark.parametrize("currency", ["SEK", "<script>", "%00", "x" * 500])
def test_a_currency_that_is_not_sold_in_is_said_beside_a_list_that_is(currency):
    full_list()

    reply = Client().get(f"/prices?currency={currency}")

    assert reply.status_code == 422
    assert "Nothing is sold in it; choose one of EUR." in text(reply)
    assert "€2.49" in text(reply)


def test_without_prices_the_page_says_so():
    assert "No prices at present" in text(Client().get("/prices"))


def test_who_is_logged_in_finds_the_way_back():
    full_list()

    words = text(browser_of(factories.scope()).get("/prices"))

    assert "Dashboard" in words
    assert "Log in" not in words


def test_terms_and_spans_in_words():
    assert [term_words(months) for months in (0, 1, 6, 12, 18, 36)] == [
        "On demand",
        "1 month",
        "6 months",
        "1 year",
        "18 months",
        "3 years",
    ]
    spans = (30, 60, 45, 90, 210, 1440, 4320, 1000)
    said = ["30 min", "1 h", "45 min", "1.5 h", "3.5 h", "24 h", "3 d", "1000 min"]
    assert [span_words(span) for span in spans] == said
