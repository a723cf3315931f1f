"""What to offer for a demand: itself where it fits, and its neighbours in time, place and size, each with its price."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock
from portal.core.errors import NoPrice
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.fleet.selectors import regions
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Placement
from portal.reservations.request import MAX_AHEAD, MAX_LENGTH, min_length
from portal.reservations.states import HOLDING
from portal.tenancy.scope import Scope

MAX_OFFERS = 6
LATER = timedelta(days=1)
TERMS = (
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=14),
    timedelta(days=30),
    timedelta(days=90),
    timedelta(days=180),
    timedelta(days=365),
)
"""The lengths that neighbours are offered in."""


class OfferKind(StrEnum):
    """In what an offer differs from what was asked for."""

    EXACT = "exact"
    SHORTER = "shorter"
    LONGER = "longer"
    LATER = "later"
    FEWER = "fewer"
    SPREAD = "spread"
    OTHER_REGION = "other_region"


@dataclass(frozen=True)
class Offer:
    """Something that can be reserved now: ``fabric`` is None where the servers would spread over several."""

    server_type: ServerType
    region: Region
    fabric: Fabric | None
    count: int
    period: Period
    price: PriceQuote
    kind: OfferKind
    placement: str

    @property
    def demand(self) -> Demand:
        """What to ask for to get this offer."""
        return Demand(self.server_type, self.region, self.count, self.period, self.placement)


@dataclass(frozen=True)
class Availability:
    """The answer to a demand: ``free`` is the largest count that fits, ``next_fit`` is None where the demand fits."""

    available: bool
    free: int
    offers: Sequence[Offer]
    next_fit: Period | None


def search(scope: Scope, demand: Demand) -> Availability:
    """Tell whether a checked demand fits, with up to MAX_OFFERS offers; nothing is kept for the asker.

    Raises NoPrice when the demanded type is not sold in the demanded region in the organization's currency.
    """
    currency = scope.organization.currency
    _price(demand, currency)
    free = capacity.free_count(demand)
    available = free >= demand.count
    later = None if available else capacity.next_fit(demand)
    neighbours = _around(demand) if available else _instead(demand, free, later)
    offers: list[Offer] = []
    for kind, near in neighbours:
        offer = _offer(kind, near, currency)
        if offer:
            offers.append(offer)
        if len(offers) == MAX_OFFERS:
            break
    return Availability(available, free, tuple(offers), later)


def _price(demand: Demand, currency: str) -> PriceQuote:
    return quote_price(demand.server_type, demand.region, currency, demand.count, demand.period, clock.now())


def _offer(kind: OfferKind, demand: Demand, currency: str) -> Offer | None:
    """Return the offer of ``demand``; None where it does not fit or is not sold."""
    fabrics = [pk for pk, free in capacity.free_by_fabric(demand).items() if free >= demand.count]
    if not (fabrics or (not demand.same_fabric and capacity.fits(demand))):
        return None
    try:
        price = _price(demand, currency)
    except NoPrice:
        return None
    fabric = Fabric.objects.get(pk=min(fabrics)) if fabrics else None
    return Offer(demand.server_type, demand.region, fabric, demand.count, demand.period, price, kind, demand.placement)


def _around(demand: Demand) -> Iterator[tuple[OfferKind, Demand]]:
    """Yield a demand that fits and its neighbours."""
    start, length = demand.period.start, demand.period.duration
    yield OfferKind.EXACT, demand
    longer = next((term for term in TERMS if length < term <= MAX_LENGTH), None)
    if longer:
        yield OfferKind.LONGER, replace(demand, period=Period(start, start + longer))
    shorter = next((term for term in reversed(TERMS) if min_length() <= term < length), None)
    if shorter:
        yield OfferKind.SHORTER, replace(demand, period=Period(start, start + shorter))
    if start + LATER <= clock.now() + MAX_AHEAD:
        yield OfferKind.LATER, replace(demand, period=Period(start + LATER, start + LATER + length))
    yield from _elsewhere(demand)


def _instead(demand: Demand, free: int, later: Period | None) -> Iterator[tuple[OfferKind, Demand]]:
    """Yield what comes nearest to a demand that does not fit."""
    if later:
        yield OfferKind.LATER, replace(demand, period=later)
    if demand.same_fabric:
        yield OfferKind.SPREAD, replace(demand, placement=Placement.ANY)
    shorter = _latest_end(demand)
    if shorter:
        yield OfferKind.SHORTER, replace(demand, period=Period(demand.period.start, shorter))
    if free:
        yield OfferKind.FEWER, replace(demand, count=free)
    yield from _elsewhere(demand)


def _elsewhere(demand: Demand) -> Iterator[tuple[OfferKind, Demand]]:
    for region in regions().exclude(pk=demand.region.pk):
        yield OfferKind.OTHER_REGION, replace(demand, region=region)


def _latest_end(demand: Demand) -> datetime | None:
    """Return the latest earlier end with which the demand fits, or None.

    What is free until some instant is free until every earlier one, and that set changes only where a booking
    begins: so the possible ends are few, ordered, and can be searched by halving.
    """
    earliest = demand.period.start + min_length()
    begins = Allocation.objects.filter(
        server__server_type=demand.server_type,
        server__region=demand.region,
        state__in=HOLDING,
        occupied__startswith__gt=demand.period.start,
    ).values_list("occupied", flat=True)
    ends = {occupied.lower - demand.server_type.cleanup_time for occupied in begins}
    possible = sorted(end for end in ends if earliest <= end < demand.period.end)
    fitting = None
    while possible:
        middle = len(possible) // 2
        if capacity.fits(replace(demand, period=Period(demand.period.start, possible[middle]))):
            fitting, possible = possible[middle], possible[middle + 1 :]
        else:
            possible = possible[:middle]
    return fitting
