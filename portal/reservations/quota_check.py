"""Limits held against the calendar: servers at one instant and GPU-hours of a month, of organization and project.

Capacity of a contract (``is_committed``) counts against no limit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import models

from portal.core import clock
from portal.core.errors import QuotaExceeded
from portal.core.months import months_in, span_of
from portal.core.periods import MICROSECONDS_PER_HOUR, Period, peak
from portal.core.prepared import Given, Prepared
from portal.fleet.models import Region, ServerType
from portal.quotas.models import Quota, QuotaScope
from portal.quotas.selectors import quotas_for
from portal.reservations.models import COUNTED, Reservation
from portal.reservations.selectors import over_since
from portal.reservations.states import LIVE
from portal.tenancy.models import Project

MICROSECOND = timedelta(microseconds=1)
HUNDREDTH = Decimal("0.01")


class Measure(StrEnum):
    """What a limit counts."""

    SERVERS = "servers"
    GPU_HOURS = "gpu_hours"


@dataclass(frozen=True)
class QuotaCheck:
    """One limit against one demand. ``month`` is the calendar month as ``YYYY-MM`` for GPU-hours, else empty.

    Hours are rounded up to the hundredth, for people; whether it passes was decided before.
    """

    scope: QuotaScope
    measure: Measure
    limit: int
    used: int | Decimal
    requested: int | Decimal
    passes: bool
    month: str = ""

    def as_json(self) -> dict[str, int | str]:
        """Return what a refusal carries: hours as decimal strings, the month only where one is meant."""
        return {
            "limit": self.limit,
            "used": self.used if isinstance(self.used, int) else str(self.used),
            "requested": self.requested if isinstance(self.requested, int) else str(self.requested),
            "scope": self.scope.value,
            "measure": self.measure.value,
            **({"month": self.month} if self.month else {}),
        }


@dataclass(frozen=True)
class QuotaUse:
    """How much of a limit is in use: servers at this instant, GPU-hours of the present month with what is booked."""

    quota: Quota
    servers: int
    gpu_hours: Decimal
    month: str


@dataclass(frozen=True)
class _Demand:
    project: Project
    server_type: ServerType
    region: Region
    count: int
    period: Period
    beside: Reservation | None


@dataclass(frozen=True)
class _Use:
    """What one reservation takes; ``is_over``: it no longer does, but used it."""

    owner: int
    project: int
    pool: tuple[int, int]
    period: Period
    count: int
    is_over: bool

    def counts_for(self, quota: Quota) -> bool:
        """Tell whether a limit counts this."""
        own = quota.project_id in (None, self.project)
        pool = (quota.server_type_id, quota.region_id)
        return own and self.owner == quota.organization_id and self.pool == pool


class _Counted(NamedTuple):
    """The columns of a reservation that counts, in the order of ``_counting``."""

    public_id: str
    state: str
    handed_over_at: datetime | None
    owner: int
    project: int
    server_type: int
    region: int
    start: datetime
    end: datetime
    servers: int


def check_quotas(
    *,
    project: Project,
    server_type: ServerType,
    region: Region,
    count: int,
    period: Period,
    beside: Reservation | None = None,
) -> None:
    """Lock the limits that apply, in pk order, and look whether ``count`` servers in ``period`` fit all of them.

    Call it inside the transaction that books, before it books. ``beside`` is the reservation that is being changed,
    or the hold that is being confirmed: the demand takes its place. Raises QuotaExceeded for the first limit that
    does not allow it.
    """
    demand = _Demand(project, server_type, region, count, period, beside)
    checks = _checks(quotas_for(project, server_type, region, lock=True), demand)
    refused = next((check for check in checks if not check.passes), None)
    if refused is not None:
        raise QuotaExceeded(_sentence(refused, demand), extra=refused.as_json())


def look_at_quotas(
    *,
    project: Project,
    server_type: ServerType,
    region: Region,
    count: int,
    period: Period,
    beside: Reservation | None = None,
) -> list[QuotaCheck]:
    """Return every limit against a demand, without locks: for quotes and pages. ``check_quotas`` decides."""
    demand = _Demand(project, server_type, region, count, period, beside)
    return list(_checks(quotas_for(project, server_type, region), demand))


def use_of(quotas: Iterable[Quota]) -> list[QuotaUse]:
    """Return how much of each limit is in use now, in their order, with as many statements for many as for one.

    Their server types are best selected along.
    """
    known, now = list(quotas), clock.now()
    month = months_of(Period(now, now + MICROSECOND))[0]
    holders = Reservation.objects.filter(organization__in={quota.organization_id for quota in known})
    uses = _uses(_counting(holders, month.as_range()))
    found = []
    for quota in known:
        counted = [use for use in uses if use.counts_for(quota)]
        servers = sum(use.count for use in counted if not use.is_over and use.period.contains(now))
        taken = _server_time(counted, month) * quota.server_type.gpu_count
        found.append(QuotaUse(quota, servers, _hours(taken), _name(month)))
    return found


def months_of(period: Period) -> list[Period]:
    """Return the calendar months, in UTC, that a period touches."""
    return [span_of(month) for month in months_in(period)]


def shared(one: Period, other: Period) -> timedelta:
    """Return for how long two periods run side by side."""
    return max(timedelta(0), min(one.end, other.end) - max(one.start, other.start))


def _checks(quotas: Sequence[Quota], demand: _Demand) -> Iterator[QuotaCheck]:
    """Yield the checks of the organization, then those of the project."""
    ranked = sorted(quotas, key=lambda quota: quota.project_id is not None)
    if not ranked or ranked[0].project_id is not None:
        ranked.insert(0, _nothing_allowed(demand))
    months = months_of(demand.period)
    counts_hours = any(quota.gpu_hours_per_month is not None for quota in ranked)
    span = Period(months[0].start, months[-1].end) if counts_hours else demand.period
    rows = _HELD.tuples(
        organization=demand.project.organization_id,
        server_type=demand.server_type.pk,
        region=demand.region.pk,
        beside=demand.beside.pk if demand.beside else 0,
        span=span.as_range(),
    )
    uses = _uses(rows)
    for quota in ranked:
        counted = [use for use in uses if use.counts_for(quota)]
        yield _check_servers(quota, demand, counted)
        if quota.gpu_hours_per_month is not None:
            for month in months:
                yield _check_hours(quota, quota.gpu_hours_per_month, demand, counted, month)


def _nothing_allowed(demand: _Demand) -> Quota:
    """Return the limit of an organization that has none: it may hold nothing."""
    return Quota(
        organization_id=demand.project.organization_id, server_type=demand.server_type, region=demand.region, limit=0
    )


def _check_servers(quota: Quota, demand: _Demand, counted: list[_Use]) -> QuotaCheck:
    # Periods that overlap one another and the demand's do so at one common instant, so none need be cut to it.
    used = peak((use.period, use.count) for use in counted if not use.is_over and use.period.overlaps(demand.period))
    passes = quota.admits(used=used, requested=demand.count)
    return QuotaCheck(quota.scope, Measure.SERVERS, quota.limit, used, demand.count, passes)


def _check_hours(quota: Quota, limit: int, demand: _Demand, counted: list[_Use], month: Period) -> QuotaCheck:
    gpus = demand.server_type.gpu_count
    used = _server_time(counted, month) * gpus
    requested = shared(demand.period, month) // MICROSECOND * demand.count * gpus
    passes = used + requested <= limit * MICROSECONDS_PER_HOUR
    return QuotaCheck(
        quota.scope, Measure.GPU_HOURS, limit, _hours(used), _hours(requested), passes, month=_name(month)
    )


def _counting(rows: models.QuerySet[Reservation], span: Any) -> models.QuerySet[Reservation, Any]:
    """Return what ``_Counted`` has of those of ``rows`` that take or took something in a span."""
    return (
        rows.filter(COUNTED, period__overlap=span)
        .filter(is_committed=False)
        .values_list(
            "public_id",
            "state",
            "handed_over_at",
            "organization_id",
            "project_id",
            "server_type_id",
            "region_id",
            "period__startswith",
            "period__endswith",
            "count",
        )
        .order_by("pk")
    )


_HELD = Prepared(
    lambda: _counting(
        Reservation.objects.filter(
            organization=Given("organization", "bigint"), server_type=Given("server_type"), region=Given("region")
        ).exclude(pk=Given("beside")),
        Given("span"),
    )
)


def _uses(rows: Iterable[Sequence[Any]]) -> list[_Use]:
    """Return what reservations take or took, with at most one more statement."""
    found = [_Counted(*row) for row in rows]
    ends = over_since(row.public_id for row in found if row.state not in LIVE)
    return [use for row in found if (use := _use(row, ends.get(row.public_id))) is not None]


def _use(row: _Counted, ended_at: datetime | None) -> _Use | None:
    """Return what a reservation takes: all of its period, or, once it is over, that from hand-over to its end."""
    is_over, start, end = row.state not in LIVE, row.start, row.end
    if is_over:
        start = max(start, row.handed_over_at or start)
        end = min(end, ended_at or end)
        if start >= end:
            return None
    return _Use(row.owner, row.project, (row.server_type, row.region), Period(start, end), row.servers, is_over)


def _server_time(counted: Iterable[_Use], month: Period) -> int:
    """Return for how many microseconds servers are in use in a month, all of them together."""
    return sum(shared(use.period, month) // MICROSECOND * use.count for use in counted)


def _hours(microseconds: int) -> Decimal:
    return (Decimal(microseconds) / MICROSECONDS_PER_HOUR).quantize(HUNDREDTH, rounding=ROUND_UP)


def _name(month: Period) -> str:
    return f"{month.start:%Y-%m}"


def _sentence(check: QuotaCheck, demand: _Demand) -> str:
    who = demand.project.organization.name if check.scope is QuotaScope.ORGANIZATION else demand.project.name
    what = f"{demand.server_type.name} in {demand.region.code}"
    way_out = "Choose fewer or another period, or ask for more quota."
    if check.measure is Measure.SERVERS:
        return (
            f"{who} may hold {check.limit} x {what} at once and holds {check.used} in this period; "
            f"{check.requested} more do not fit. {way_out}"
        )
    return (
        f"{who} may use {check.limit} GPU-hours of {what} in {check.month}, and {check.used} are used or booked; "
        f"{check.requested} more do not fit. {way_out}"
    )
