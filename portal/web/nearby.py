"""What is near to a demand, in words and with a link to take it."""

from dataclasses import dataclass

from portal.core.errors import NoPrice
from portal.reservations.capacity import Demand
from portal.reservations.offers import Offer, OfferKind, search
from portal.tenancy.scope import Scope
from portal.web.forms.plan import Plan
from portal.web.pools import query_of

SHOWN = 3

TITLES = {
    OfferKind.SHORTER: "Shorter",
    OfferKind.LONGER: "Longer",
    OfferKind.LATER: "The same, later",
    OfferKind.SPREAD: "The same, over several fabrics",
    OfferKind.FEWER: "{offered} instead of {asked}",
    OfferKind.OTHER_REGION: "The same in {region}",
}


@dataclass(frozen=True)
class Near:
    """One alternative: its title, what it is, and the query that asks for it."""

    title: str
    offer: Offer
    query: str


def near(scope: Scope, demand: Demand, plan: Plan) -> list[Near]:
    """Return a few alternatives to a demand: what would fit instead, or what else could be had."""
    try:
        offers = search(scope, demand).offers
    except NoPrice:
        return []
    others = [offer for offer in offers if offer.kind != OfferKind.EXACT][:SHOWN]
    return [Near(_title(offer, demand), offer, query_of(offer.demand, plan)) for offer in others]


def _title(offer: Offer, demand: Demand) -> str:
    return TITLES[offer.kind].format(offered=offer.count, asked=demand.count, region=offer.region.code)
