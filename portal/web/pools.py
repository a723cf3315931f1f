"""What the availability page shows of each pool (a server type in a region) for one search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock
from portal.core.errors import NoPrice
from portal.core.periods import Period
from portal.fleet.models import POOL_STATES, Fabric, Region, Server, ServerType
from portal.reservations.capacity import Demand, free_count, next_fit
from portal.reservations.models import Placement
from portal.web.forms.plan import Plan

MAX_OFFERS = 3


@dataclass(frozen=True)
class Pool:
    """One row: how many servers are free for the search, where they stand, and what the asked ones cost."""

    demand: Demand
    fabrics: Sequence[Fabric]
    free: int
    price: PriceQuote

    @property
    def fits(self) -> bool:
        """Whether the asked number is free for the whole period."""
        return self.free >= self.demand.count

    @property
    def network(self) -> str:
        """The fabrics in words."""
        technologies = " / ".join(sorted({fabric.technology for fabric in self.fabrics}))
        names = [fabric.name for fabric in self.fabrics]
        return f"{technologies} · {'fabric' if len(names) == 1 else 'fabrics'} {', '.join(names)}"


@dataclass(frozen=True)
class Offer:
    """Something near to what was asked for that does fit."""

    title: str
    demand: Demand
    price: PriceQuote


def query_of(demand: Demand, plan: Plan) -> str:
    """Return the query that asks for ``demand``; a start "now" stays "now" and its end a duration."""
    fields = {
        "type": demand.server_type.slug,
        "region": demand.region.code,
        "count": str(demand.count),
        "placement": str(demand.placement),
    }
    if plan.starts_now and demand.period == plan.period:
        minutes = round(demand.period.duration.total_seconds() / 60)
        fields |= {"start": "", "duration": str(minutes), "unit": "minutes", "end": ""}
        if minutes % 60 == 0:
            fields |= {"duration": str(minutes // 60), "unit": "hours"}
    else:
        fields |= {"start": _field(demand.period.start), "duration": "", "unit": "hours"}
        fields["end"] = _field(demand.period.end)
    return urlencode(fields)


def _field(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def _homes(plan: Plan) -> list[tuple[ServerType, Region, list[Fabric]]]:
    servers = Server.objects.filter(state__in=POOL_STATES)
    if plan.server_type:
        servers = servers.filter(server_type=plan.server_type)
    if plan.region:
        servers = servers.filter(region=plan.region)
    keys = servers.order_by().values_list("server_type_id", "region_id", "fabric_id").distinct()
    found: dict[tuple[int, int], list[int]] = {}
    for type_pk, region_pk, fabric_pk in keys:
        found.setdefault((type_pk, region_pk), []).append(fabric_pk)
    types = ServerType.objects.in_bulk({key[0] for key in found})
    regions = Region.objects.in_bulk({key[1] for key in found})
    fabrics = Fabric.objects.in_bulk({pk for pks in found.values() for pk in pks})
    homes = [
        (types[key[0]], regions[key[1]], sorted((fabrics[pk] for pk in pks), key=lambda fabric: fabric.name))
        for key, pks in found.items()
    ]
    return sorted(homes, key=lambda home: (home[0].slug, home[1].code))


def pools_for(plan: Plan, currency: str) -> list[Pool]:
    """Return a row for every pool that the search allows and that is sold in ``currency``; what fits comes first."""
    rows = []
    for server_type, region, fabrics in _homes(plan):
        demand = Demand(server_type, region, plan.count, plan.period, plan.placement)
        price = price_of(demand, currency)
        if price:
            rows.append(Pool(demand, fabrics, free_count(demand), price))
    return sorted(rows, key=lambda row: not row.fits)


def price_of(demand: Demand, currency: str) -> PriceQuote | None:
    """Price a demand by the book that holds now; None where it is not sold."""
    try:
        return quote_price(demand.server_type, demand.region, currency, demand.count, demand.period, clock.now())
    except NoPrice:
        return None


def offers_near(demand: Demand, currency: str) -> list[Offer]:
    """Return up to three things near a demand that does not fit: later, any fabric, fewer."""
    return [
        Offer(title, near, price)
        for title, near in list(_near(demand))[:MAX_OFFERS]
        if (price := price_of(near, currency))
    ]


def _near(demand: Demand) -> Iterable[tuple[str, Demand]]:
    def but(count: int | None = None, period: Period | None = None, placement: str | None = None) -> Demand:
        return Demand(
            demand.server_type,
            demand.region,
            count or demand.count,
            period or demand.period,
            placement or demand.placement,
        )

    if demand.same_fabric and free_count(spread := but(placement=Placement.ANY)) >= demand.count:
        yield "The same, over several fabrics", spread
    if later := next_fit(demand):
        yield "The same, later", but(period=later)
    if 0 < (fewer := free_count(demand)) < demand.count:
        yield f"{fewer} instead of {demand.count}", but(count=fewer)
