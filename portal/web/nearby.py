"""What is near to a demand, in words and with a link to choose or take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.catalog.selectors import PriceQuote
from portal.core.errors import NoPrice
from portal.reservations.capacity import Demand
from portal.reservations.offers import Offer, OfferKind, search
from portal.tenancy.scope import Scope
from portal.web.forms.plan import Plan
from portal.web.links import calendar_query, query_of

SHOWN = 3
MINUS = "\N{MINUS SIGN}"

TITLES = {
    "exact": "As asked for",
    "shorter": "Shorter",
    "longer": "Longer",
    "earlier": "The same, earlier",
    "later": "The same, later",
    "spread": "The same, over several fabrics",
    "fewer": "{offered} instead of {asked}",
    "other_fabric": "The same in fabric {fabric}",
    "other_region": "The same in {region}",
}


@dataclass(frozen=True)
class Near:
    """One alternative: its title, what it is, the queries that take it and that choose it, and what it costs more."""

    title: str
    offer: Offer
    query: str
    calendar_query: str
    difference: str
    is_chosen: bool


def near(scope: Scope, demand: Demand, plan: Plan) -> list[Near]:
    """Return a few alternatives to a demand: what would fit instead, or what else could be had."""
    return [found for found in matches(scope, demand, plan, None, {}) if not found.is_chosen][:SHOWN]


def matches(scope: Scope, demand: Demand, plan: Plan, price: PriceQuote | None, shown: Mapping[str, str]) -> list[Near]:
    """Return the best matches: the demand itself where it fits, and what is near; ``price`` is the demand's."""
    try:
        offers = search(scope, demand).offers
    except NoPrice:
        return []
    return [
        Near(
            title=_title(offer, demand),
            offer=offer,
            query=query_of(offer.demand, plan),
            calendar_query=calendar_query(offer.demand, plan, shown, offer.fabric.name if offer.fabric else ""),
            difference=_difference(offer.price, price),
            is_chosen=offer.kind is OfferKind.EXACT,
        )
        for offer in offers
    ]


def _title(offer: Offer, demand: Demand) -> str:
    fabric = offer.fabric.name if offer.fabric else ""
    return TITLES[offer.kind.value].format(
        offered=offer.count, asked=demand.count, region=offer.region.code, fabric=fabric
    )


def _difference(price: PriceQuote, other: PriceQuote | None) -> str:
    """Return by how many percent a price is higher or lower than another; nothing where there is no difference."""
    if other is None or price.currency != other.currency or not other.total.amount:
        return ""
    percent = round((price.total.amount / other.total.amount - 1) * Decimal(100))
    return f"{'+' if percent > 0 else MINUS}{abs(percent)} %" if percent else ""
