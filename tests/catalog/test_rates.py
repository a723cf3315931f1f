"""What contracts are priced by: the longest term that is sold and not longer, else on demand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.catalog.models import Commitment
from portal.catalog.rates import contract_price
from portal.catalog.services.publishing import end_price_book
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import NoPrice
from tests import factories

pytestmark = pytest.mark.django_db
START = datetime(2030, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
def book():
    made = factories.price_book(start=START)
    for months, rate in ((0, "3.00"), (1, "2.80"), (12, "2.40")):
        factories.price(rate=rate, floor="1.00", months=months, in_book=made)
    reserved = {"commitment": Commitment.RESERVED, "in_book": made}
    factories.price(rate="2.20", floor="0.90", months=12, **reserved)
    factories.price(rate="1.80", floor="0.80", months=36, **reserved)
    return made


def rate(months, at=START, currency="USD", **kwargs):
    return contract_price(factories.server_type(), factories.region(), currency, months, at, **kwargs)


@pytest.mark.parametrize(
    ("months", "term", "listed"),
    [
        (0, 0, "3.00"),
        (1, 1, "2.80"),
        (11, 1, "2.80"),
        (12, 12, "2.20"),
        (35, 12, "2.20"),
        (36, 36, "1.80"),
        (500, 36, "1.80"),
    ],
)
def test_the_longest_term_that_is_sold_and_not_longer(book, months, term, listed, django_assert_num_queries):
    with django_assert_num_queries(3):  # the type, the region, the price
        found = rate(months)

    assert (found.book, found.months, found.list_rate) == (book, term, Decimal(listed))
    assert found.floor_rate < found.list_rate


def test_who_pays_as_it_goes_has_no_reserved_price(book):
    found = [rate(months, commitment=Commitment.PAY_AS_YOU_GO) for months in (12, 36)]

    assert [(one.months, one.list_rate) for one in found] == [(12, Decimal("2.40"))] * 2


def test_the_book_that_holds_at_the_instant_counts_and_drafts_never(book):
    factories.price(rate="9", in_book=factories.price_book(start=START - timedelta(days=9), end=START))
    factories.price(rate="1", in_book=factories.price_book(start=START, state=BookState.DRAFT))

    assert [rate(12, at).list_rate for at in (START - TICK, START)] == [Decimal(9), Decimal("2.20")]


def test_what_is_not_sold_has_no_price(book):
    other = factories.server_type("b200", name="8 x B200")

    for ask in (
        lambda: rate(12, currency="EUR"),
        lambda: rate(12, START - TICK),
        lambda: rate(-1),
        lambda: contract_price(other, factories.region(), "USD", 12, START),
        lambda: contract_price(factories.server_type(), factories.region("south"), "USD", 12, START),
    ):
        with pytest.raises(NoPrice, match="has no price in"):
            ask()


def test_in_a_gap_between_books_nothing_is_sold():
    made = factories.price().book
    end_price_book(actor=SYSTEM, book=made)
    later = clock.now() + timedelta(days=1)
    factories.price(in_book=factories.price_book("Next", "USD", later))

    with pytest.raises(NoPrice):
        rate(0, later - TICK)
    assert rate(0, later).list_rate == Decimal("2.50")
