"""What everybody may know of the prices: list prices by term, fees, terms and tiers. Never a floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from portal.catalog.models import Fee, Price, PriceBook, SlaTier, SupportTier
from portal.catalog.selectors import terms_of
from portal.catalog.states import BookState
from portal.catalog.terms import CancellationTerms
from portal.core.errors import InvalidInput, NoPrice
from portal.core.money import Money
from portal.fleet.models import ServerType

HOURS_PER_MONTH = Decimal(730)
"""A year's 8,760 hours by twelve: what a month of a price list counts; a bill counts seconds."""


@dataclass(frozen=True)
class Sold:
    """A server type with its prices, by region, term and commitment."""

    server_type: ServerType
    prices: Sequence[Price]

    @property
    def lowest(self) -> Price:
        """The lowest price on demand, or of all where it is not sold on demand."""
        on_demand = [price for price in self.prices if not price.months]
        return min(on_demand or self.prices, key=lambda price: price.per_gpu_hour)


@dataclass(frozen=True)
class PriceList:
    """The prices of one currency at one instant."""

    book: PriceBook
    currencies: Sequence[str]
    sold: Sequence[Sold]
    fees: Sequence[Fee]
    terms: CancellationTerms
    sla_tiers: Sequence[SlaTier]
    support_tiers: Sequence[SupportTier]

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.book.currency


def per_server_month(price: Price, server_type: ServerType) -> Money:
    """Return what a whole server costs in a month of ``HOURS_PER_MONTH``, rounded once."""
    return Money(price.per_gpu_hour * server_type.gpu_count * HOURS_PER_MONTH, price.book.currency)


def price_list(currency: str, at: datetime) -> PriceList:
    """Return the prices in a currency (empty: the first that is sold in) at an instant.

    Raises NoPrice where nothing is sold at all, and InvalidInput on ``currency`` where nothing is sold in it. As many
    statements for many prices as for few.
    """
    holding = PriceBook.objects.filter(valid__contains=at, state=BookState.PUBLISHED).order_by("currency")
    books = {book.currency: book for book in holding}
    if not books:
        raise NoPrice("No price book holds at present; ask us for an offer.")
    book = books.get(currency or next(iter(books)))
    if book is None:
        raise InvalidInput.of("currency", "not_sold", f"Nothing is sold in it; choose one of {', '.join(books)}.")
    return PriceList(
        book,
        tuple(books),
        _sold(book),
        tuple(book.fees.order_by("pk")),
        terms_of(book),
        tuple(SlaTier.objects.filter(is_offered=True).order_by("target", "slug")),
        tuple(SupportTier.objects.filter(is_offered=True).order_by("percent_of_spend", "slug")),
    )


def _sold(book: PriceBook) -> tuple[Sold, ...]:
    prices = book.prices.select_related("server_type", "region").order_by(
        "server_type__slug", "months", "commitment", "region__code"
    )
    kinds = groupby(prices, key=lambda price: price.server_type)
    return tuple(Sold(server_type, tuple(rows)) for server_type, rows in kinds)
