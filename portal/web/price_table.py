"""The page of prices: the tables that it shows, from the list of prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.catalog.models import Commitment, Price, SlaTier
from portal.catalog.price_list import PriceList, Sold, per_server_month
from portal.catalog.terms import written
from portal.core.money import Money

INCLUDED = (
    ("server", "Whole servers", "No hypervisor and no neighbours: all GPUs, cores, memory and drives are yours."),
    ("network", "Network", "A private network of your project's own in each fabric; traffic is not metered."),
    ("shield-check", "Erased, and proven", "Erased and read back before you and after you, with signed certificates."),
    ("terminal", "Control", "Images of ours or your own, power, rescue system, serial console, page and API alike."),
)
"""What every price includes: icon, title, text."""


@dataclass(frozen=True)
class Cell:
    """A price as it is shown; None where it is not sold."""

    rate: Decimal
    month: Money


@dataclass(frozen=True)
class Row:
    """A line of a table: what it is for, and its cells by column, each with the column's heading."""

    title: str
    note: str
    cells: Sequence[tuple[str, Cell | None]]
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows."""

    headings: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Detail:
    """A server type with all its prices, by term and region."""

    sold: Sold
    table: Table

    @property
    def prices_of(self) -> str:
        """What the table is called, apart from the card around it."""
        return f"Prices of {self.sold.server_type.name}"


def term_words(months: int) -> str:
    """Return a term for people."""
    if not months:
        return "On demand"
    years, rest = divmod(months, 12)
    if years and not rest:
        return f"{years} year" if years == 1 else f"{years} years"
    return f"{months} month" if months == 1 else f"{months} months"


def overview(prices: PriceList) -> Table:
    """Return the lowest price of each server type by term, whatever the region."""
    terms = sorted({price.months for sold in prices.sold for price in sold.prices})
    rows = [
        Row(
            sold.server_type.name,
            sold.server_type.gpu_model,
            [
                (term_words(term), _lowest(sold, [price for price in sold.prices if price.months == term]))
                for term in terms
            ],
            sold.server_type.slug,
        )
        for sold in prices.sold
    ]
    return Table([term_words(term) for term in terms], rows)


def _lowest(sold: Sold, prices: Sequence[Price]) -> Cell | None:
    price = min(prices, key=lambda one: one.per_gpu_hour, default=None)
    return _cell(sold, price) if price else None


def _cell(sold: Sold, price: Price) -> Cell:
    return Cell(price.per_gpu_hour, per_server_month(price, sold.server_type))


def details(prices: PriceList) -> list[Detail]:
    """Return each server type with all its prices."""
    return [Detail(sold, _by_region(sold)) for sold in prices.sold]


def _by_region(sold: Sold) -> Table:
    regions = sorted({price.region.code for price in sold.prices})
    found = {(price.months, price.commitment, price.region.code): _cell(sold, price) for price in sold.prices}
    lines = sorted({(price.months, price.commitment) for price in sold.prices})
    rows = [
        Row(
            term_words(months),
            _bound(months, commitment),
            [(region, found.get((months, commitment, region))) for region in regions],
        )
        for months, commitment in lines
    ]
    return Table(regions, rows)


def _bound(months: int, commitment: str) -> str:
    if not months:
        return "by the second, no commitment"
    return str(Commitment(commitment).label)


def span_words(minutes: int) -> str:
    """Return a promised span for people, such as ``45 min``, ``3.5 h`` or ``14 d``."""
    if minutes > 1440 and minutes % 1440 == 0:
        return f"{minutes // 1440} d"
    if minutes >= 60 and minutes % 30 == 0:
        return f"{written(Decimal(minutes) / 60)} h"
    return f"{minutes} min"


def credit_words(tier: SlaTier) -> list[str]:
    """Return the steps of a service level for people."""
    steps = zip(tier.below, tier.credits, strict=True)
    return [f"below {written(below)} %: {written(credit)} %" for below, credit in steps]


def late_words(tier: SlaTier) -> str:
    """Return what is credited for a late hand-over; empty where nothing is."""
    if not tier.late_credit_percent:
        return ""
    step, grace = span_words(tier.late_step_minutes), span_words(tier.late_grace_minutes)
    return f"{written(tier.late_credit_percent)} % of a day per started {step} that it is late by more than {grace}"
