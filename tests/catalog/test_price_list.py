"""What everybody may know of the prices."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.catalog.price_list import per_server_month, price_list
from portal.core import clock
from portal.core.errors import InvalidInput, NoPrice
from portal.core.money import Money
from tests import factories
from tests.catalog.tiers import sla_tier
from tests.price_lists import full_list

pytestmark = pytest.mark.django_db


def test_a_list_holds_all_of_its_book_and_the_tiers_that_are_offered(django_assert_num_queries):
    book = full_list()
    factories.price(rate="1")
    sla_tier("flex", name="Flex 2")

    with django_assert_num_queries(6):
        found = price_list("", clock.now())

    assert (found.book, found.currency, found.currencies) == (book, "EUR", ("EUR", "USD"))
    assert [(sold.server_type.slug, len(sold.prices)) for sold in found.sold] == [("b200x8", 1), ("h100x8", 4)]
    assert [str(tier) for tier in found.sla_tiers] == ["Flex 2 v2"]
    assert [tier.slug for tier in found.support_tiers] == ["basic", "business"]
    assert [sold.lowest.per_gpu_hour for sold in found.sold] == [Decimal("4.995"), Decimal("2.49")]


def test_a_server_month_is_the_exact_product_rounded_once():
    price = factories.price(rate="0.000685")

    assert per_server_month(price, price.server_type) == Money(Decimal("4.00"), "USD")


def test_a_currency_that_is_not_sold_in_is_refused_with_those_that_are():
    full_list()

    for currency in ("SEK", "XXX", "eur", "\x00", "x" * 999):
        with pytest.raises(InvalidInput, match="choose one of EUR") as refusal:
            price_list(currency, clock.now())
        assert refusal.value.errors[0].field == "currency"


def test_where_no_book_holds_there_is_no_list():
    full_list()

    with pytest.raises(NoPrice):
        price_list("EUR", clock.now() - timedelta(days=1))
