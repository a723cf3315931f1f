"""What is sold, at which price, and when a price holds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.models import ImageImport, Price, PriceBook
from portal.catalog.selectors import (
    QuoteLine,
    image_of,
    images,
    list_prices,
    own_image_of,
    own_images,
    quote_price,
    terms_of,
    waiting_imports,
)
from portal.catalog.states import BookState
from portal.catalog.terms import FREE
from portal.core.errors import NoPrice, NotFound
from portal.core.money import MINOR_UNITS, Money
from portal.core.periods import Period
from tests import factories, thawing

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 1, tzinfo=UTC)
END = datetime(2030, 7, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def book(start=START, end=END, currency="USD"):
    return factories.price_book("Book", currency, start, end)


def price(rate="2.50", in_book=None, **kwargs):
    return factories.price(rate=rate, in_book=in_book or book(), **kwargs)


termed = thawing.cancellation


def quoted(kind, region, currency, moment):
    """Quote a server for a day by the book that holds at a moment."""
    return quote_price(kind, region, currency, 1, Period(START, START + timedelta(days=1)), moment)


def rate_at(moment, currency="USD"):
    try:
        return quoted(factories.server_type(), factories.region(), currency, moment).rate
    except NoPrice:
        return None


def test_a_book_holds_from_its_first_instant_to_just_before_its_end():
    price("2.50")

    assert [rate_at(moment) for moment in (START - TICK, START, END - TICK, END)] == [
        None,
        Decimal("2.50"),
        Decimal("2.50"),
        None,
    ]


def test_where_one_book_ends_and_the_next_begins_exactly_one_holds():
    price("2.50")
    price("3.00", book(END, None))

    assert [rate_at(moment) for moment in (END - TICK, END, END + timedelta(days=3650))] == [
        Decimal("2.50"),
        Decimal("3.00"),
        Decimal("3.00"),
    ]


def test_what_is_not_sold_has_no_price_and_the_refusal_says_where_and_in_what():
    price()
    other = factories.server_type("b200", name="8 x B200")

    for kind, region, currency in [
        (other, factories.region(), "USD"),
        (factories.server_type(), factories.region("south"), "USD"),
        (factories.server_type(), factories.region(), "EUR"),
    ]:
        with pytest.raises(NoPrice, match=f"{kind.name} has no price in {region.code} in {currency}; choose another"):
            quoted(kind, region, currency, START)


def test_all_prices_of_a_currency_come_by_type_and_region(django_assert_num_queries):
    usd = book()
    south, north = factories.region("south"), factories.region("north")
    h100, a100 = factories.server_type("h100"), factories.server_type("a100")
    made = [
        price(in_book=usd, of_type=kind, in_region=place)
        for kind, place in [(h100, south), (h100, north), (a100, south)]
    ]
    price(in_book=book(currency="EUR"))
    price(in_book=book(END, None))
    price("1.00", usd, of_type=h100, in_region=north, months=12)
    price("1.00", factories.price_book("Draft", "USD", START, END, state=BookState.DRAFT))

    with django_assert_num_queries(1):
        found = [(item, item.book.currency, item.server_type.slug) for item in list_prices("USD", START)]

    assert [item for item, _, _ in found] == [made[2], made[1], made[0]]


@given(
    st.decimals(0, 999_999, places=6),
    st.integers(1, 10_000),
    st.integers(1, 5 * 365 * 86_400_000_000),
    st.sampled_from(sorted(MINOR_UNITS)),
)
def test_a_quote_is_the_exact_product_rounded_once(rate, count, microseconds, currency):
    kind = factories.server_type()
    period = Period(START, START + timedelta(microseconds=microseconds))
    with thawing.thawed():
        Price.objects.all().delete()
        PriceBook.objects.all().delete()
    price(rate, book(currency=currency))

    quote = quote_price(kind, factories.region(), currency, count, period, START)

    exact = Fraction(rate) * count * kind.gpu_count * Fraction(microseconds, 3_600_000_000)
    unit = Fraction(1, 10 ** MINOR_UNITS[currency])
    assert Fraction(quote.total.amount) == floor(exact / unit + Fraction(1, 2)) * unit
    assert (quote.count, quote.gpus, quote.rate, quote.currency) == (count, count * kind.gpu_count, rate, currency)
    assert quote.hours == period.hours


@pytest.mark.parametrize(
    "rate, seconds, total",
    [
        ("2.50", 86_400, "480.00"),
        ("0.024375", 1200, "0.07"),
        ("0.024374", 1200, "0.06"),
        ("0", 3600, "0.00"),
    ],
)
def test_a_quote_by_hand(rate, seconds, total):
    price(rate)
    period = Period(START, START + timedelta(seconds=seconds))

    quote = quote_price(factories.server_type(), factories.region(), "USD", 1, period, START)

    assert quote.total == Money(Decimal(total), "USD")


def test_a_quote_goes_by_the_book_of_its_instant_not_of_the_period():
    price("2.50")
    price("3.00", book(END, None))
    later = Period(END, END + timedelta(hours=1))

    quote = quote_price(factories.server_type(), factories.region(), "USD", 1, later, START)

    assert quote.rate == Decimal("2.50")


def test_what_has_no_price_has_no_quote():
    with pytest.raises(NoPrice):
        quote_price(factories.server_type(), factories.region(), "USD", 1, Period(START, END), START)


def test_a_quote_has_its_terms_and_lines_from_one_statement(django_assert_num_queries):
    usd = book()
    price("2.85", usd)
    agreed = termed(usd, (24, "25.00"), (168, "0.00"), (12, "62.50"))
    termed(book(currency="EUR"), (48, 50))
    termed(book(END, None), (72, 75))
    kind, region = factories.server_type(), factories.region()

    with django_assert_num_queries(1):
        quote = quote_price(kind, region, "USD", 16, Period(START, START + timedelta(days=14)), START)

    total = Money(Decimal("122572.80"), "USD")
    line = QuoteLine(f"{kind.name} in {region.code}", "128 GPU x 336 h x 2.85", total)
    assert (quote.total, quote.lines, quote.terms) == (total, (line,), agreed)
    assert line.as_json() == {
        "label": line.label,
        "quantity": "128 GPU x 336 h x 2.85",
        "amount": {"amount": "122572.80", "currency": "USD"},
    }


@pytest.mark.parametrize(
    "rate, seconds, said",
    [
        ("3", 3600, "8 GPU x 1 h x 3.00"),
        ("0.024375", 1200, "8 GPU x 0.33 h x 0.024375"),
        ("10", 36_000, "10 h x 10.00"),
    ],
)
def test_the_arithmetic_of_a_line_in_words(rate, seconds, said):
    price(rate)

    period = Period(START, START + timedelta(seconds=seconds))
    quote = quote_price(factories.server_type(), factories.region(), "USD", 1, period, START)

    assert quote.lines[0].quantity.endswith(said)
    assert quote.lines[0].amount == quote.total


def test_a_book_without_terms_quotes_free_cancellation():
    price()

    quote = quote_price(factories.server_type(), factories.region(), "USD", 1, Period(START, END), START)

    assert quote.terms == FREE


def test_terms_are_those_of_the_book_that_holds_at_the_instant(django_assert_num_queries):
    first, second = book(), book(END, None)
    price(in_book=first)
    price(in_book=second)
    agreed = termed(first, (24, 25), (168, 0))
    sold = factories.server_type(), factories.region(), "USD"

    with django_assert_num_queries(1):
        assert quoted(*sold, END - TICK).terms == agreed

    assert (quoted(*sold, START).terms, quoted(*sold, END).terms) == (agreed, FREE)
    assert (terms_of(first), terms_of(second)) == (agreed, FREE)


def test_an_image_is_found_by_id_and_by_slug():
    image = factories.image(slug="ubuntu-24")
    factories.image()

    project = factories.project()
    assert image_of(project, image.public_id) == image_of(project, "ubuntu-24") == image


@pytest.mark.parametrize("name", ["", "UBUNTU-24", "img_nothing", "ubuntu"])
def test_an_unknown_image_is_told_missing(name):
    factories.image(slug="ubuntu-24")

    with pytest.raises(NotFound, match="There is no OS image"):
        image_of(factories.project(), name)


def test_a_withdrawn_image_is_neither_listed_nor_found():
    shown = [factories.image(name=name) for name in ("Ubuntu", "Debian")]
    hidden = factories.image(is_published=False)

    project = factories.project()
    assert list(images(project)) == shown[::-1]
    for name in (hidden.public_id, hidden.slug):
        with pytest.raises(NotFound):
            image_of(project, name)


def test_an_own_image_is_there_for_its_project_alone():
    scope, stranger = factories.scope(), factories.scope()
    image = factories.own_image(scope)

    assert list(images(scope.project)) == list(own_images(scope.project)) == [image]
    assert image_of(scope.project, image.public_id) == own_image_of(scope, image.public_id) == image
    assert [*images(stranger.project), *own_images(stranger.project)] == []
    for ask in (lambda: image_of(stranger.project, image.slug), lambda: own_image_of(stranger, image.public_id)):
        with pytest.raises(NotFound):
            ask()


def test_projects_have_their_images_fetched_by_turns():
    greedy, other = factories.buyer(), factories.buyer()
    first, second, third = (factories.image_import(greedy) for _ in range(3))
    theirs = factories.image_import(other)
    ImageImport.objects.filter(pk=first.pk).update(state="fetching")

    assert list(waiting_imports()) == [theirs, second, third]
