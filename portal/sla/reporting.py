"""What tenants read of a month: each server's time, outages and credits. What is measured for good is read as kept."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from portal.reservations.models import Reservation
from portal.sla.definitions import CURRENT, Condition
from portal.sla.gathering import Gathered, gather
from portal.sla.measuring import Measured, measured, timeline
from portal.sla.models import ServerMonth, SlaCredit
from portal.sla.selectors import allocations_in
from portal.sla.spans import clipped, moment_of


@dataclass(frozen=True)
class OutageLine:
    """A time in which a server was down or degraded; ``excluded`` is empty where it counts."""

    since: datetime
    until: datetime
    condition: str
    kinds: tuple[str, ...]
    excluded: str
    proof: str


class Had(NamedTuple):
    """A time in which a reservation had a server, within the month."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class LeftOut:
    """A time of a server that is not measured, up or down, and the public id of what proves it."""

    since: datetime
    until: datetime
    cause: str
    proof: str


@dataclass(frozen=True)
class ServerReport:
    """One server of a reservation in the month. What is not final goes on being measured."""

    server: str
    definition: int
    sums: Measured
    availability: Decimal
    served: tuple[Had, ...]
    outages: tuple[OutageLine, ...]
    left_out: tuple[LeftOut, ...]
    is_final: bool = False


@dataclass
class ReservationReport:
    """A reservation in the month. ``availability`` is the mean of its servers, by the time that each was measured."""

    reservation: Reservation
    month: date
    servers: list[ServerReport] = field(default_factory=list)
    credits: list[SlaCredit] = field(default_factory=list)

    @property
    def availability(self) -> Decimal:
        """Percent of all measured time of all servers."""
        total = sum(report.sums.obliged for report in self.servers)
        if not total:
            return Decimal(100)
        return sum((report.availability * report.sums.obliged for report in self.servers), Decimal(0)) / total

    @property
    def is_final(self) -> bool:
        """Whether all of it is measured for good."""
        return all(report.is_final for report in self.servers)


def reports_of(reservations: Iterable[Reservation], month: date) -> list[ReservationReport]:
    """Return what a month came to so far for each of the reservations, in their order. A fixed number of questions."""
    found = {row.pk: ReservationReport(row, month) for row in reservations}
    allocations = (
        allocations_in(month)
        .filter(reservation__in=found)
        .select_related("reservation__server_type", "reservation__sla_tier", "server")
        .order_by("position", "pk")
    )
    stored = {
        (row.reservation_id, row.server_id): row
        for row in ServerMonth.objects.filter(month=month, reservation__in=found).prefetch_related("outages")
    }
    for item in gather(allocations, month, CURRENT):
        row = stored.get((item.reservation.pk, item.server_id))
        found[item.reservation.pk].servers.append(_live(item) if row is None else _final(item, row))
    credits = SlaCredit.objects.filter(month=month, reservation__in=found).select_related("server", "tier")
    by_reservation = defaultdict(list)
    for credit in credits.order_by("pk"):
        by_reservation[credit.reservation_id].append(credit)
    for pk, report in found.items():
        report.credits = by_reservation[pk]
    return list(found.values())


def _served(item: Gathered) -> tuple[Had, ...]:
    return tuple(Had(moment_of(span.start), moment_of(span.end)) for span in item.served)


def _left_out(item: Gathered) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(moment_of(part.start), moment_of(part.end), one.cause.value, one.proof)
        for served in item.served
        for one in sorted(item.exclusions, key=lambda one: one.span)
        for part in clipped([one.span], served)
    )


def _live(item: Gathered) -> ServerReport:
    segments = timeline(item.served, item.readings, item.exclusions, CURRENT)
    sums, tier = measured(segments), item.reservation.sla_tier
    outages = tuple(
        OutageLine(
            moment_of(one.span.start),
            moment_of(one.span.end),
            one.condition.value,
            tuple(kind.value for kind in one.kinds),
            one.excluded,
            one.proof,
        )
        for one in segments
        if one.condition in (Condition.DOWN, Condition.DEGRADED)
    )
    availability = sums.availability(tier.degraded_weight if tier else Decimal(0))
    return ServerReport(item.server, CURRENT.version, sums, availability, _served(item), outages, _left_out(item))


def _final(item: Gathered, row: ServerMonth) -> ServerReport:
    sums = Measured(
        row.measured_seconds,
        row.down_seconds,
        row.degraded_seconds,
        row.unknown_seconds,
        row.maintenance_seconds,
        row.tenant_seconds,
    )
    outages = tuple(
        OutageLine(one.since, one.until, one.condition, tuple(one.kinds), one.excluded, one.proof)
        for one in row.outages.all()
    )
    availability, served = row.availability, _served(item)
    return ServerReport(
        item.server, row.definition, sums, availability, served, outages, _left_out(item), is_final=True
    )
