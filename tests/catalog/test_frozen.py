"""The database itself keeps what was published, and tiers, as they are, whoever asks."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from portal.catalog.models import Fee, FeeBasis, Price, PriceBook, SlaTier, SupportTier
from portal.catalog.services.book_checks import FeeLine
from portal.catalog.states import BookState
from portal.core import clock
from tests import factories
from tests.catalog.books import draft, published, terms, written
from tests.catalog.tiers import sla_tier, support_tier

pytestmark = pytest.mark.django_db
SETUP = FeeLine("Set-up", Decimal("500.00"), FeeBasis.ONCE)
CONTENTS = ("price", "cancellationterm", "fee")


@pytest.fixture
def book():
    return published(terms=terms((24, 25)), fees=[SETUP])


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def refused(sql, match="stays as it is"):
    before = written()
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        execute(sql)
    assert written() == before


BOOK = "UPDATE catalog_pricebook SET"
REFUSED = [
    *[f"DELETE FROM catalog_{table}" for table in (*CONTENTS, "pricebook")],  # noqa: S608 - names from above
    *[f"UPDATE catalog_{table} SET id = id + 1000" for table in CONTENTS],  # noqa: S608
    "UPDATE catalog_price SET per_gpu_hour = 9",
    "UPDATE catalog_price SET floor_per_gpu_hour = 0",
    "UPDATE catalog_cancellationterm SET percent = 0",
    "UPDATE catalog_fee SET amount = 0",
    "INSERT INTO catalog_fee (public_id, created_at, book_id, name, amount, per) "
    "SELECT 'fee_x', now(), book_id, 'x', 1, per FROM catalog_fee",
    f"{BOOK} name = 'x'",
    f"{BOOK} currency = 'EUR'",
    f"{BOOK} version = 7",
    f"{BOOK} state = 'draft'",
    f"{BOOK} state = 'discarded'",
    f"{BOOK} valid = tstzrange(lower(valid) - interval '1 day', NULL)",
    f"{BOOK} valid = tstzrange(lower(valid) + interval '1 day', NULL)",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_raw_sql_changes_nothing_of_what_was_published(book, sql):
    refused(sql)


def test_nothing_moves_from_a_draft_into_a_published_book_or_out_of_it(book):
    other = draft(currency="EUR", fees=[SETUP])

    refused(f"UPDATE catalog_fee SET book_id = {book.pk}, name = 'moved' WHERE book_id = {other.pk}")  # noqa: S608
    refused(f"UPDATE catalog_fee SET book_id = {other.pk}, name = 'moved' WHERE book_id = {book.pk}")  # noqa: S608


def test_an_end_lies_ahead_and_only_moves_nearer(book):
    week = "tstzrange(lower(valid), lower(valid) + interval '7 days')"
    execute(f"{BOOK} valid = {week}")

    refused(f"{BOOK} valid = tstzrange(lower(valid), lower(valid) + interval '8 days')")
    refused(f"{BOOK} valid = tstzrange(lower(valid), NULL)")
    execute(f"{BOOK} valid = tstzrange(lower(valid), lower(valid) + interval '1 day')")

    assert PriceBook.objects.get().valid.upper is not None


def test_what_is_past_stays():
    factories.price_book(start=clock.now() - timedelta(days=30))

    refused(f"{BOOK} valid = tstzrange(lower(valid), now() - interval '1 day')")
    refused(f"{BOOK} state = 'withdrawn'")
    execute(f"{BOOK} valid = tstzrange(lower(valid), now() + interval '1 day')")


def test_the_models_own_ways_are_refused_too(book):
    price = book.prices.get()
    before = written()
    price.per_gpu_hour = Decimal(9)

    for act in (
        price.save,
        price.delete,
        book.delete,
        lambda: Price.objects.update(per_gpu_hour=9),
        lambda: Fee.objects.create(book=book, name="x", amount=1, per=FeeBasis.ONCE),
    ):
        with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
            act()

    assert written() == before


def test_a_draft_may_be_changed_and_deleted():
    made = draft(fees=[SETUP], terms=terms((24, 25)))

    execute("UPDATE catalog_price SET per_gpu_hour = 9")
    made.prices.all().delete()
    made.delete()

    assert not PriceBook.objects.exists()


def test_what_is_discarded_or_withdrawn_stays_too():
    made = factories.price_book(state=BookState.WITHDRAWN)
    factories.price_book(currency="EUR", state=BookState.DISCARDED)

    refused(f"{BOOK} state = 'published' WHERE id = {made.pk}")
    refused("DELETE FROM catalog_pricebook")


@pytest.mark.parametrize("make", [sla_tier, support_tier], ids=["service level", "support"])
def test_tiers_never_change_but_for_being_offered(make):
    tier = make()
    table = tier._meta.db_table

    for change in ("name = 'x'", "version = 9", "slug = 'other'"):
        refused(f"UPDATE {table} SET {change}")  # noqa: S608 - a table's own name
    execute(f"UPDATE {table} SET is_default = true, is_offered = false")  # noqa: S608

    assert (SlaTier.objects.count() + SupportTier.objects.count()) == 1
