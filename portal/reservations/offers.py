"""What to offer for a demand: itself where it fits, and its neighbours in time, place and size, each with its price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from portal.catalog.selectors import PriceQuote, Tariff, not_sold, tariffs_of
from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.reservations import calendar, capacity
from portal.reservations.capacity import READY_MARGIN, Demand, is_due, occupied_period
from portal.reservations.enquiries import note, refusals_noted
from portal.reservations.models import Enquiry, Placement, Pool
from portal.reservations.request import MAX_AHEAD, MAX_COUNT, MAX_LENGTH, min_length
from portal.tenancy.scope import Scope

MAX_OFFERS = 6
LATER = timedelta(days=1)
EARLIER = (timedelta(hours=4), timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""How much earlier is tried for what does not fit, the nearest first."""
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
    EARLIER = "earlier"
    LATER = "later"
    OTHER_FABRIC = "other_fabric"
    FEWER = "fewer"
    SPREAD = "spread"
    OTHER_REGION = "other_region"


@dataclass(frozen=True)
class Offer:
    """Something that can be reserved now, by asking for ``demand``.

    ``fabric`` is where the servers lie, None where they would spread over several. The demand asks for that fabric only
    where it was asked for, or is what is offered instead.
    """

    kind: OfferKind
    demand: Demand
    fabric: Fabric | None
    price: PriceQuote

    @property
    def server_type(self) -> ServerType:
        """What is offered."""
        return self.demand.server_type

    @property
    def region(self) -> Region:
        """Where."""
        return self.demand.region

    @property
    def count(self) -> int:
        """How many."""
        return self.demand.count

    @property
    def period(self) -> Period:
        """When."""
        return self.demand.period

    @property
    def placement(self) -> str:
        """What is promised of how they lie."""
        return self.demand.placement


@dataclass(frozen=True)
class Availability:
    """The answer to a demand: ``free`` is the largest count that fits, ``next_fit`` is None where the demand fits."""

    available: bool
    free: int
    offers: Sequence[Offer]
    next_fit: Period | None


@dataclass(frozen=True)
class _Room:
    """Free servers by pool's pk, of the pools that may serve a demand."""

    free: Mapping[int, int]
    fabrics: Mapping[int, int]

    def most(self, *, same_fabric: bool) -> int:
        """Return the largest count that could be placed, up to MAX_COUNT."""
        counts = self.free.values()
        return min(MAX_COUNT, max(counts, default=0) if same_fabric else sum(counts))

    def homes(self, count: int) -> list[int]:
        """Return the pks of the fabrics with room for ``count``, the fullest first: there servers are taken."""
        fitting = sorted((free, pool) for pool, free in self.free.items() if free >= count)
        return [self.fabrics[pool] for _, pool in fitting]


@dataclass(frozen=True)
class _Yard:
    """What is asked once for all the neighbours of a demand: what is sold where, and in which pools."""

    tariffs: Mapping[int, Tariff]
    pools: Sequence[tuple[int, int, int]]

    def fabrics(self, demand: Demand) -> dict[int, int]:
        """Return the fabrics of the pools that may serve a demand, by the pools' pks."""
        wanted = demand.fabric.pk if demand.fabric else None
        return {
            pool: fabric
            for pool, region, fabric in self.pools
            if region == demand.region.pk and wanted in (None, fabric)
        }

    def room(self, demand: Demand, most: int) -> _Room:
        """Return what is free for a demand, counted up to ``most`` in each pool."""
        fabrics = self.fabrics(demand)
        span = occupied_period(demand.server_type, demand.period)
        return _Room(calendar.count_free(list(fabrics), span, is_due=is_due(span), most=most), fabrics)


Found = tuple[OfferKind, Demand, int | None]
"""A demand that fits, with the pk of the fabric in which it does, if it is a single one."""


def search(scope: Scope, demand: Demand) -> Availability:
    """Tell whether a checked demand fits, with up to MAX_OFFERS offers; nothing is kept for the asker.

    As many statements for a large fleet as for a small one. Raises NoPrice when the demanded type is not sold in the
    demanded region in the organization's currency.
    """
    currency = scope.organization.currency
    tariffs = tariffs_of(demand.server_type, currency, clock.now())
    with refusals_noted(Enquiry.Kind.SEARCH, scope, demand):
        if demand.region.pk not in tariffs:
            raise not_sold(demand.server_type, demand.region, currency)
    answer = _answer(demand, tariffs)
    outcome = Enquiry.Outcome.FITS if answer.available else Enquiry.Outcome.NO_FIT
    price = tariffs[demand.region.pk].quote(demand.count, demand.period).total
    note(Enquiry.Kind.SEARCH, outcome, scope, demand, free=answer.free, price=price)
    return answer


@dataclass(frozen=True)
class Start:
    """A period in which a demand fits, with its price."""

    period: Period
    price: PriceQuote


def starts_of(scope: Scope, demand: Demand, latest: datetime) -> list[Start]:
    """Return the next ten starts, on full hours, from the demand's own to ``latest`` at which it fits.

    Raises NoPrice as ``search`` does.
    """
    currency = scope.organization.currency
    with refusals_noted(Enquiry.Kind.STARTS, scope, demand):
        tariff = tariffs_of(demand.server_type, currency, clock.now(), demand.region).get(demand.region.pk)
        if tariff is None:
            raise not_sold(demand.server_type, demand.region, currency)
    # The latest start is one of those that are possible.
    past = latest + timedelta(microseconds=1)
    found = capacity.next_starts(demand, Period(demand.period.start, past)) if demand.period.start < past else []
    starts = [Start(period, tariff.quote(demand.count, period)) for period in found]
    outcome = Enquiry.Outcome.FITS if starts else Enquiry.Outcome.NO_FIT
    price = tariff.quote(demand.count, demand.period).total
    note(Enquiry.Kind.STARTS, outcome, scope, demand, price=price)
    return starts


def _answer(demand: Demand, tariffs: Mapping[int, Tariff]) -> Availability:
    pools = Pool.objects.filter(server_type=demand.server_type, is_spare=False).order_by("pk")
    yard = _Yard(tariffs, list(pools.values_list("pk", "region_id", "fabric_id")))
    everywhere = yard.room(replace(demand, fabric=None), MAX_COUNT)
    asked = yard.fabrics(demand)
    room = _Room({pool: everywhere.free[pool] for pool in asked}, asked)
    free = room.most(same_fabric=demand.same_fabric)
    available = free >= demand.count
    later = None if available else capacity.next_fit(demand)
    if available:
        neighbours = _around(yard, demand, room, everywhere)
    else:
        neighbours = _instead(yard, demand, free, later, everywhere)
    return Availability(available, free, _offers(list(islice(neighbours, MAX_OFFERS)), tariffs), later)


def _offers(found: Sequence[Found], tariffs: Mapping[int, Tariff]) -> tuple[Offer, ...]:
    fabrics = Fabric.objects.in_bulk({fabric for _, _, fabric in found if fabric is not None}) if found else {}
    return tuple(
        Offer(
            kind,
            replace(demand, fabric=fabrics[fabric]) if kind is OfferKind.OTHER_FABRIC and fabric else demand,
            fabrics.get(fabric) if fabric is not None else None,
            tariffs[demand.region.pk].quote(demand.count, demand.period),
        )
        for kind, demand, fabric in found
    )


def _around(yard: _Yard, demand: Demand, room: _Room, everywhere: _Room) -> Iterator[Found]:
    """Yield a demand that fits and those of its neighbours that fit."""
    start, length = demand.period.start, demand.period.duration
    yield OfferKind.EXACT, demand, next(iter(room.homes(demand.count)), None)
    longer = next((term for term in TERMS if length < term <= MAX_LENGTH), None)
    if longer:
        yield from _fitting(yard, OfferKind.LONGER, replace(demand, period=Period(start, start + longer)))
    shorter = next((term for term in reversed(TERMS) if min_length() <= term < length), None)
    if shorter:
        yield from _fitting(yard, OfferKind.SHORTER, replace(demand, period=Period(start, start + shorter)))
    yield from islice(_earlier(yard, demand, (LATER, *EARLIER[:1])), 1)
    if start + LATER <= clock.now() + MAX_AHEAD:
        yield from _fitting(
            yard, OfferKind.LATER, replace(demand, period=Period(start + LATER, start + LATER + length))
        )
    yield from _other_fabric(demand, everywhere, room.homes(demand.count)[:1])
    yield from _elsewhere(yard, demand)


def _instead(yard: _Yard, demand: Demand, free: int, later: Period | None, everywhere: _Room) -> Iterator[Found]:
    """Yield what comes nearest to a demand that does not fit."""
    if later:
        yield from _fitting(yard, OfferKind.LATER, replace(demand, period=later))
    yield from _other_fabric(demand, everywhere, [])
    may_spread = not demand.same_fabric and demand.fabric is None
    # Where a single fabric has enough, that one is offered.
    if not may_spread and not everywhere.homes(demand.count) and everywhere.most(same_fabric=False) >= demand.count:
        yield OfferKind.SPREAD, replace(demand, placement=Placement.ANY, fabric=None), None
    end = _latest_end(yard, demand)
    if end:
        # What ends in time for that which is in the way, before other starts are tried.
        yield from islice(_earlier(yard, demand, (demand.period.end - end, *EARLIER)), 1)
        yield from _fitting(yard, OfferKind.SHORTER, replace(demand, period=Period(demand.period.start, end)))
    else:
        yield from islice(_earlier(yard, demand, EARLIER), 1)
    if free:
        yield from _fitting(yard, OfferKind.FEWER, replace(demand, count=free))
    yield from _elsewhere(yard, demand)


def _fitting(yard: _Yard, kind: OfferKind, demand: Demand) -> Iterator[Found]:
    """Yield ``demand`` if it fits."""
    room = yard.room(demand, demand.count)
    if room.most(same_fabric=demand.same_fabric) >= demand.count:
        yield kind, demand, next(iter(room.homes(demand.count)), None)


def _earlier(yard: _Yard, demand: Demand, shifts: Sequence[timedelta]) -> Iterator[Found]:
    """Yield those of some earlier starts that fit and leave the time to take them."""
    for shift in shifts:
        start = demand.period.start - shift
        if start >= clock.now() + READY_MARGIN:
            period = Period(start, start + demand.period.duration)
            yield from _fitting(yard, OfferKind.EARLIER, replace(demand, period=period))


def _latest_end(yard: _Yard, demand: Demand) -> datetime | None:
    """Return the latest earlier end with which a demand fits, to the second; None where there is none."""
    turnover = demand.server_type.cleanup_time
    span = occupied_period(demand.server_type, demand.period)
    soonest = demand.period.start + min_length() + turnover
    if soonest >= span.end:
        return None
    end = calendar.latest_end(
        list(yard.fabrics(demand)),
        demand.count,
        span.start,
        Period(soonest, span.end),
        is_due=is_due(span),
        may_spread=not demand.same_fabric,
    )
    return end - turnover if end else None


def _other_fabric(demand: Demand, everywhere: _Room, taken: Sequence[int]) -> Iterator[Found]:
    """Yield the same in a fabric of the region that is neither asked for nor what is offered already."""
    known = {*taken, *([demand.fabric.pk] if demand.fabric else [])}
    others = [fabric for fabric in everywhere.homes(demand.count) if fabric not in known]
    if known and others:
        yield OfferKind.OTHER_FABRIC, demand, others[0]


def _elsewhere(yard: _Yard, demand: Demand) -> Iterator[Found]:
    """Yield the same in the other regions where it is sold and fits, in one statement for all of them."""
    others = {pk: tariff.region for pk, tariff in yard.tariffs.items() if pk != demand.region.pk}
    pools = {pool: (region, fabric) for pool, region, fabric in yard.pools if region in others}
    span = occupied_period(demand.server_type, demand.period)
    free = calendar.count_free(list(pools), span, is_due=is_due(span), most=demand.count) if pools else {}
    for pk, region in sorted(others.items(), key=lambda other: other[1].code):
        own = {pool: count for pool, count in free.items() if pools[pool][0] == pk}
        room = _Room(own, {pool: pools[pool][1] for pool in own})
        if room.most(same_fabric=demand.same_fabric) >= demand.count:
            home = next(iter(room.homes(demand.count)), None)
            yield OfferKind.OTHER_REGION, replace(demand, region=region, fabric=None), home
