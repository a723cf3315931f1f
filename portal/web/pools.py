"""What the availability page shows of each pool (a server type in a region) for one search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock
from portal.core.errors import NoPrice
from portal.fleet.models import POOL_STATES, Fabric, Region, Server, ServerType
from portal.reservations.capacity import Demand, free_count
from portal.web.forms.plan import Plan

FIELD = "%Y-%m-%dT%H:%M:%S"


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


def query_of(demand: Demand, plan: Plan) -> str:
    """Return the query that asks for ``demand``; a start "now" stays "now" and its end a duration."""
    fields = {
        "type": demand.server_type.slug,
        "region": demand.region.code,
        "count": str(demand.count),
        "placement": str(demand.placement),
    }
    if plan.starts_now and demand.period.start == plan.period.start:
        minutes = demand.period.duration // timedelta(minutes=1)
        in_hours = minutes % 60 == 0
        fields |= {"start": "", "duration": str(minutes // 60 if in_hours else minutes)}
        fields |= {"unit": "hours" if in_hours else "minutes", "end": ""}
    else:
        start = _whole(demand.period.start)
        end = start + demand.period.duration
        fields |= {"start": f"{start:{FIELD}}", "duration": "", "unit": "hours", "end": f"{end:{FIELD}}"}
    return urlencode(fields)


def _whole(moment: datetime) -> datetime:
    """Return the moment if it is on a second, else the next full minute: never before something becomes free."""
    if not moment.microsecond:
        return moment
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


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
