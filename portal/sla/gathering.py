"""What server-months are measured from, read for many at a time: a fixed number of questions for a batch."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from portal.core import clock
from portal.operations.models import OperationEvent
from portal.operations.states import OperationState
from portal.reservations.charges import charges_of
from portal.reservations.models import Allocation, Reservation
from portal.sla.crediting import DAY_HOURS, Late
from portal.sla.definitions import Condition, Definition, Kind
from portal.sla.excluding import Deed, Turn, maintenance_time, tenants_time
from portal.sla.lateness import delays_of, served_of
from portal.sla.measuring import Exclusion, Reading
from portal.sla.models import Evidence, MaintenanceServer
from portal.sla.pricing import price_of_server
from portal.sla.spans import Span, clipped, merged, moment_of, quarter_of, second_of, seconds_of
from portal.sla.states import MaintenanceState

ASKED = {"server.asked": True, "server.asked_by_staff": False}
"""The events that tell of an operation on a handed-over server, and whether it was the tenant's wish."""


@dataclass
class Gathered:
    """One server of one reservation in one month. ``all_served`` is not cut to the month."""

    reservation: Reservation
    server_id: int
    server: str
    month: date
    all_served: list[Span] = field(default_factory=list)
    served: list[Span] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    exclusions: list[Exclusion] = field(default_factory=list)
    lates: list[Late] = field(default_factory=list)
    missed: list[Span] = field(default_factory=list)

    @property
    def price(self) -> Decimal:
        """What the server costs for the time that it was served, or missed, in the month, not rounded."""
        return price_of_server(charges_of(self.reservation), *self._rate, merged(self.served + self.missed))

    @property
    def day_price(self) -> Decimal:
        """What a day of the server costs."""
        rate, gpus = self._rate
        return rate * gpus * DAY_HOURS

    @property
    def _rate(self) -> tuple[Decimal, int]:
        return self.reservation.rate_per_gpu_hour, self.reservation.server_type.gpu_count


def gather(allocations: Iterable[Allocation], month: date, definition: Definition) -> list[Gathered]:
    """Return what the allocations' servers are measured from in a month, as far as it is over.

    A server that should have been handed over and was not is among them, with nothing served. The allocations come
    with their reservation, its type and tier, and their server.
    """
    rows = list(allocations)
    items = gather_span(rows, month, seconds_of(month), definition)
    _find_delays(items, rows, month)
    return items


def gather_span(allocations: Iterable[Allocation], month: date, whole: Span, definition: Definition) -> list[Gathered]:
    """Return the same for any time, without what was late; maintenance is that of the quarter of ``month``."""
    until = second_of(clock.now())
    found: dict[tuple[int, int], Gathered] = {}
    for allocation in allocations:
        key = (allocation.reservation_id, allocation.server_id)
        if key not in found:
            found[key] = Gathered(allocation.reservation, allocation.server_id, allocation.server.public_id, month)
        found[key].all_served.append(served_of(allocation, until))
    for item in found.values():
        item.all_served = merged(item.all_served)
        item.served = list(clipped(item.all_served, whole))
    items = [item for item in found.values() if item.served]
    _read_evidence(items, whole)
    _exclude_tenants_time(items, definition)
    _exclude_maintenance(items, month)
    return items


def _read_evidence(items: Sequence[Gathered], whole: Span) -> None:
    rows = Evidence.objects.filter(
        server__in={item.server_id for item in items},
        since__lt=moment_of(whole.end),
        until__gt=moment_of(whole.start),
    ).order_by("pk")
    by_server = defaultdict(list)
    for pk, server, kind, value, since, until in rows.values_list("pk", "server", "kind", "value", "since", "until"):
        reading = Reading(Kind(kind), Condition(value), Span(second_of(since), second_of(until)), pk)
        by_server[server].append(reading)
    for item in items:
        item.readings = by_server[item.server_id]


def _exclude_tenants_time(items: Sequence[Gathered], definition: Definition) -> None:
    told = OperationEvent.objects.filter(
        subject__in={item.reservation.public_id for item in items}, type__in=ASKED, operation__isnull=False
    ).select_related("operation")
    deeds = defaultdict(list)
    for event in told:
        operation = event.operation
        if operation is None:
            continue
        ended = second_of(operation.finished_at) if operation.finished_at else None
        done = operation.state == OperationState.SUCCEEDED
        deed = Deed(
            second_of(operation.created_at), ended, operation.kind, done, ASKED[event.type], operation.public_id
        )
        deeds[event.subject, event.server_id].append(deed)
    for item in items:
        own = deeds[item.reservation.public_id, item.server_id]
        item.exclusions += tenants_time(own, item.served[-1].end, definition.settling)


def _exclude_maintenance(items: Sequence[Gathered], month: date) -> None:
    quarter = quarter_of(month)
    rows = (
        MaintenanceServer.objects.select_related("window")
        .filter(
            server__in={item.server_id for item in items},
            period__startswith__lt=moment_of(quarter.end),
            period__endswith__gt=moment_of(quarter.start),
        )
        .exclude(window__state=MaintenanceState.CANCELLED)
    )
    turns: dict[int, list[Turn]] = defaultdict(list)
    for row in rows:
        span = Span(second_of(row.span.start), second_of(row.span.end))
        # Who puts it off has known of it since it was announced.
        notice = (row.first_start - (row.known_since or row.window.announced_at)) // timedelta(seconds=1)
        turns[row.server_id] += [Turn(part, notice, row.window.public_id) for part in clipped([span], quarter)]
    for item in items:
        tier = item.reservation.sla_tier
        if tier is not None:
            notice, allowance = tier.maintenance_notice_hours * 3600, tier.maintenance_minutes_per_quarter * 60
            own = maintenance_time(turns[item.server_id], item.all_served, notice, allowance)
            item.exclusions += [
                Exclusion(one.cause, part, one.proof)
                for one in own
                for part in clipped([one.span], Span(item.served[0].start, item.served[-1].end))
            ]


def _find_delays(items: list[Gathered], allocations: Iterable[Allocation], month: date) -> None:
    """Note what came late in the month, and add the servers of ``allocations`` that did not come."""
    rows = {row.pk: row for row in allocations}
    known = {(item.reservation.pk, item.server_id): item for item in items}
    for delay in delays_of({row.reservation_id for row in rows.values()}, seconds_of(month)):
        key = (delay.allocation.reservation_id, delay.allocation.server_id)
        if delay.missed is not None and delay.allocation.pk in rows:
            row = rows[delay.allocation.pk]
            if key not in known:
                known[key] = Gathered(row.reservation, row.server_id, row.server.public_id, month)
                items.append(known[key])
            known[key].missed.append(delay.missed)
            known[key].lates.append(delay.late)
        elif delay.missed is None and key in known:
            known[key].lates.append(delay.late)
