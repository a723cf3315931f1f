"""Builders of price books for the tests of the catalogue."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portal.audit.models import AuditEvent
from portal.catalog.models import CancellationTerm, Fee, Price, PriceBook
from portal.catalog.services.book_checks import Contents, PriceLine
from portal.catalog.services.books import draft_price_book
from portal.catalog.services.publishing import publish_price_book
from portal.catalog.terms import FREE
from portal.core.actors import SYSTEM
from tests import factories, thawing

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def line(rate="2.5", kind=None, region=None, **kwargs):
    return PriceLine(kind or factories.server_type(), region or factories.region(), Decimal(rate), **kwargs)


def contents(prices=None, terms=FREE, fees=()):
    return Contents([line()] if prices is None else prices, terms, fees)


terms = thawing.notices


def draft(**kwargs):
    inner = contents(**{name: kwargs.pop(name) for name in ("prices", "terms", "fees") if name in kwargs})
    return draft_price_book(actor=SYSTEM, **{"name": "List", "currency": "USD", "contents": inner, **kwargs})


def published(**kwargs):
    book = draft(**kwargs)
    publish_price_book(actor=SYSTEM, book=book)
    return PriceBook.objects.get(pk=book.pk)


def written():
    """Return all that is written about prices."""
    kept = [list(model.objects.order_by("pk").values()) for model in (PriceBook, Price, CancellationTerm, Fee)]
    return [*kept, AuditEvent.objects.count()]
