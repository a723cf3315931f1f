"""What the database says about images and price books, whoever writes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.catalog.models import MOST_MONTHS, CancellationTerm, Commitment, Fee, FeeBasis, OSImage, Price, PriceBook
from portal.catalog.states import BookState
from portal.catalog.terms import MOST_NOTICE
from portal.core.money import MINOR_UNITS
from tests import factories

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
TICK = timedelta(microseconds=1)


def book(start=START, end=START + YEAR, bounds="[)", currency="USD", state=BookState.PUBLISHED):
    return PriceBook.objects.create(
        name="Book",
        currency=currency,
        version=PriceBook.objects.count() + 1,
        state=state,
        valid=DateTimeTZRange(start, end, bounds),
    )


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


RATE = {"per_gpu_hour": Decimal(2), "floor_per_gpu_hour": Decimal(1)}
WRONG_PRICES = {
    "twice": ({}, "price_once"),
    "below nothing": ({"months": 1, "per_gpu_hour": Decimal("-0.000001")}, "price_(not_negative|floor_not_above_list)"),
    "floor above list": ({"months": 1, "floor_per_gpu_hour": Decimal("2.000001")}, "price_floor_not_above_list"),
    "floor below nothing": ({"months": 1, "floor_per_gpu_hour": Decimal("-1")}, "price_floor_not_above_list"),
    "negative term": ({"months": -1}, "months_check"),
    "endless term": ({"months": MOST_MONTHS + 1}, "price_term"),
    "bound on demand": ({"commitment": Commitment.RESERVED}, "price_commitment"),
    "unknown commitment": ({"months": 1, "commitment": "for ever"}, "price_commitment"),
}


@pytest.mark.parametrize("fields, constraint", WRONG_PRICES.values(), ids=WRONG_PRICES)
def test_a_price_that_makes_no_sense_is_refused(fields, constraint):
    held = book(state=BookState.DRAFT)
    sold = {"book": held, "server_type": factories.server_type(), "region": factories.region(), **RATE}
    Price.objects.create(**sold)

    refused(constraint, lambda: Price.objects.create(**sold | fields))

    assert held.prices.count() == 1


@pytest.mark.parametrize(
    "change, constraint",
    [
        ("price SET per_gpu_hour = 'NaN', floor_per_gpu_hour = 0", "price_is_a_number"),
        ("price SET floor_per_gpu_hour = 'NaN'", "price_floor_not_above_list"),
        ("fee SET amount = 'NaN'", "fee_amount"),
    ],
)
def test_raw_sql_writes_no_price_that_is_no_number(change, constraint):
    held = book(state=BookState.DRAFT)
    Price.objects.create(book=held, server_type=factories.server_type(), region=factories.region(), **RATE)
    Fee.objects.create(book=held, name="Set-up", amount=Decimal(5), per=FeeBasis.ONCE)

    def act():
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE catalog_{change}")

    refused(constraint, act)


def test_a_book_has_a_price_for_each_term_and_commitment():
    held = book(state=BookState.DRAFT)
    sold = {"book": held, "server_type": factories.server_type(), "region": factories.region(), **RATE}

    for term in ({}, {"months": 12}, {"months": 12, "commitment": Commitment.RESERVED}, {"months": MOST_MONTHS}):
        Price.objects.create(**sold | term)

    assert held.prices.count() == 4


def test_drafts_may_overlap_and_two_books_of_a_currency_have_two_versions():
    first = book()
    book(state=BookState.DRAFT)

    refused("price_book_version_once", lambda: PriceBook.objects.filter(pk=book(state="draft").pk).update(version=1))
    refused("price_book_no_overlap", lambda: PriceBook.objects.filter(state="draft").update(state="published"))

    assert PriceBook.objects.filter(state="published").get() == first


@pytest.mark.parametrize(
    "fields, constraint",
    [
        ({"amount": Decimal("-0.01")}, "fee_amount"),
        ({"per": "month"}, "fee_basis"),
        ({"name": "Set-up"}, "fee_once"),
    ],
)
def test_a_fee_that_makes_no_sense_is_refused(fields, constraint):
    held = book(state=BookState.DRAFT)
    sound = {"book": held, "name": "Set-up", "amount": Decimal(5), "per": FeeBasis.ONCE}
    Fee.objects.create(**sound)

    refused(constraint, lambda: Fee.objects.create(**sound | {"name": "Other"} | fields))

    assert str(held.fees.get()) == "Set-up"


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
    assert str(price.book) == f"List USD v{price.book.version}"
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
    held = book(state=BookState.DRAFT)
    CancellationTerm.objects.create(book=held, notice=timedelta(hours=24), percent=Decimal(25))

    refused(
        constraint,
        lambda: CancellationTerm.objects.create(
            book=held, **({"notice": timedelta(hours=48), "percent": Decimal(10)} | fields)
        ),
    )

    assert str(CancellationTerm.objects.get()) == "25 % with 24 h"


def test_cancellation_terms_at_the_ends_of_their_ranges_are_kept():
    held, other = book(state=BookState.DRAFT), book(currency="EUR", state=BookState.DRAFT)
    ends = [(timedelta(0), Decimal(100)), (MOST_NOTICE, Decimal(0))]

    for of_book in (held, other):
        for notice, percent in ends:
            CancellationTerm.objects.create(book=of_book, notice=notice, percent=percent)

    assert list(held.cancellation_terms.order_by("notice").values_list("notice", "percent")) == ends
