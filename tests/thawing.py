"""What a published price book holds, changed behind the database's back: as if it had always been so."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction

from portal.catalog.models import Price
from portal.catalog.terms import CancellationTerms


@contextmanager
def thawed():
    """Let a test write into a published book as into a draft; that nobody else can, has tests of its own."""
    tables = ("catalog_pricebook", "catalog_price", "catalog_cancellationterm", "catalog_fee")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def reprice(rate):
    """Let every price be another, as if it had always been."""
    with thawed():
        Price.objects.update(per_gpu_hour=Decimal(rate), floor_per_gpu_hour=Decimal(rate))


def notices(*pairs):
    """Return cancellation terms from pairs of hours and percent."""
    return CancellationTerms.of_pairs((timedelta(hours=hours), Decimal(percent)) for hours, percent in pairs)


def cancellation(book, *pairs):
    """Give a book terms from pairs of hours and percent, as if it had always had them, and return them."""
    terms = notices(*pairs)
    with thawed():
        book.cancellation_terms.all().delete()
        for step in terms.steps:
            book.cancellation_terms.create(notice=step.notice, percent=step.percent)
    return terms
