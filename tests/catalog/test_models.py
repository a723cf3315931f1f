"""What the database says about images and price books, whoever writes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.catalog.models import CancellationTerm, OSImage, Price, PriceBook
from portal.catalog.terms import MOST_NOTICE
from portal.core.money import MINOR_UNITS
from tests import factories

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
TICK = timedelta(microseconds=1)


def book(start=START, end=START + YEAR, bounds="[)", currency="USD"):
    return PriceBook.objects.create(name="Book", currency=currency, valid=DateTimeTZRange(start, end, bounds))


def refused(constraint, act):
    """Expect the database to refuse ``act`` by that constraint."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        act()


@pytest.mark.parametrize(
    "start, end",
    [
        (START, START + YEAR),
        (START - YEAR, START + TICK),
        (START + YEAR - TICK, None),
        (START + TICK, START + 2 * TICK),
        (START - YEAR, None),
    ],
)
def test_two_books_of_one_currency_never_hold_at_once(start, end):
    first = book()

    refused("price_book_no_overlap", lambda: book(start, end))

    assert list(PriceBook.objects.all()) == [first]


def test_books_that_touch_or_are_of_another_currency_may_be():
    made = [book(), book(START - YEAR, START), book(START + YEAR, None), book(currency="EUR")]

    assert PriceBook.objects.count() == len(made)


@pytest.mark.parametrize("bounds", ["[]", "(]", "()"])
def test_a_book_is_half_open(bounds):
    refused("price_book_half_open", lambda: book(bounds=bounds))

    assert not PriceBook.objects.exists()


def test_a_book_has_a_beginning_and_is_not_empty():
    refused("price_book_(begins|half_open)", lambda: book(start=None))
    refused("price_book_(begins|half_open)", lambda: book(end=START))

    assert not PriceBook.objects.exists()


@pytest.mark.parametrize("currency", ["XXX", "usd", ""])
def test_a_book_is_in_a_currency_that_money_knows(currency):
    refused("price_book_currency_known", lambda: book(currency=currency))

    for known in MINOR_UNITS:
        book(currency=known)
    assert set(PriceBook.objects.values_list("currency", flat=True)) == set(MINOR_UNITS)


def test_a_book_has_one_price_for_a_type_in_a_region_and_none_below_nothing():
    price = factories.price()
    fields = {"book": price.book, "server_type": price.server_type, "region": price.region}

    refused("price_once", lambda: Price.objects.create(**fields, per_gpu_hour=Decimal(1)))
    refused("price_not_negative", lambda: Price.objects.update(per_gpu_hour=Decimal("-0.000001")))

    assert Price.objects.get().per_gpu_hour == Decimal("2.50")


@pytest.mark.parametrize(
    "fields, constraint",
    [
        ({"sha256": "0" * 63}, "os_image_digest"),
        ({"sha256": "A" * 64}, "os_image_digest"),
        ({"sha256": "0" * 63 + "\n"}, "os_image_digest"),
        ({"size_bytes": 0}, "os_image_size"),
        ({"size_bytes": -1}, "os_image_size"),
        ({"file_name": ""}, "os_image_file"),
        ({"file_name": "../etc/shadow"}, "os_image_file"),
        ({"file_name": ".hidden"}, "os_image_file"),
        ({"file_name": "a/b.img"}, "os_image_file"),
        ({"file_name": "a.img\n"}, "os_image_file"),
    ],
)
def test_an_image_is_a_file_with_a_size_and_a_digest(fields, constraint):
    refused(constraint, lambda: factories.image(**fields))

    assert not OSImage.objects.exists()


def test_slug_and_file_of_an_image_are_its_own():
    first, second = factories.image(), factories.image()

    for field in ("slug", "file_name"):
        taken = {field: getattr(first, field)}
        refused(field, lambda taken=taken: OSImage.objects.filter(pk=second.pk).update(**taken))

    second.refresh_from_db()
    assert second.slug != first.slug


def test_what_people_read():
    price = factories.price()

    assert str(price) == "8 x H100 in eu-north-1"
    assert str(price.book) == "List USD"
    assert str(factories.image(name="Debian 12")) == "Debian 12"


@pytest.mark.parametrize(
    "fields, constraint",
    [
        ({"notice": timedelta(hours=-1)}, "cancellation_term_notice"),
        ({"notice": MOST_NOTICE + timedelta(hours=1)}, "cancellation_term_notice"),
        ({"notice": timedelta(hours=1) + TICK}, "cancellation_term_whole_hours"),
        ({"notice": timedelta(minutes=90)}, "cancellation_term_whole_hours"),
        ({"percent": Decimal("-0.01")}, "cancellation_term_percent"),
        ({"percent": Decimal("100.01")}, "cancellation_term_percent"),
        ({"notice": timedelta(hours=24)}, "cancellation_term_once"),
    ],
)
def test_a_cancellation_term_that_makes_no_sense_is_refused(fields, constraint):
    held = book()
    CancellationTerm.objects.create(book=held, notice=timedelta(hours=24), percent=Decimal(25))

    refused(
        constraint,
        lambda: CancellationTerm.objects.create(
            book=held, **({"notice": timedelta(hours=48), "percent": Decimal(10)} | fields)
        ),
    )

    assert str(CancellationTerm.objects.get()) == "25 % with 24 h"


def test_cancellation_terms_at_the_ends_of_their_ranges_are_kept():
    held, other = book(), book(currency="EUR")
    ends = [(timedelta(0), Decimal(100)), (MOST_NOTICE, Decimal(0))]

    for of_book in (held, other):
        for notice, percent in ends:
            CancellationTerm.objects.create(book=of_book, notice=notice, percent=percent)

    assert list(held.cancellation_terms.order_by("notice").values_list("notice", "percent")) == ends
