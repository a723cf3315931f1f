"""What was agreed and what was used of reservations, as rating needs it: read from their rows."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from portal.billing.metering import Held
from portal.billing.models import LineKind, Meter, UsageRecord
from portal.billing.rating import Agreed, History, Lump, Used
from portal.core.months import span_of
from portal.core.periods import Period
from portal.reservations.charges import Charge, charges_of
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState

CALLED_OFF = (ReservationState.CANCELLED, ReservationState.ENDED, ReservationState.FAILED)
AT_ONCE = timedelta(minutes=1)
"""Longer than it takes to take back all servers of a reservation: each has an instant of its own."""
OVER = (ReservationState.ENDING, ReservationState.ENDED)


def held_of(allocation: Allocation, handed_over_at: datetime) -> Held | None:
    """Return from when to when a customer had a server: from its reservation's hand-over, or its own if that was later.

    None where it never was handed over.
    """
    if allocation.ready_at is None:
        return None
    start = max(allocation.ready_at, handed_over_at)
    if allocation.state == AllocationState.SERVING:
        return Held(start, None)
    span = allocation.turnover or allocation.occupied
    end = span.lower if allocation.turnover else span.upper
    return Held(start, end) if start < end else None


def billable(organization_pk: int, month: date) -> models.QuerySet[Reservation]:
    """Return the reservations of an organization of which something may be due by the end of a month, and was not."""
    span = span_of(month)
    used = UsageRecord.objects.filter(reservation=OuterRef("pk"), month=month)
    corrected = UsageRecord.objects.filter(reservation=OuterRef("pk"), revision__gt=0)
    return (
        Reservation.objects.select_related("server_type", "region", "project")
        .filter(organization=organization_pk)
        .filter(
            models.Exists(used)
            | models.Exists(corrected)
            | Q(handed_over_at__lt=span.end, handed_over_at__gte=span.start)
            | Q(handed_over_at__isnull=False, state_changed_at__gte=span.start)
            | Q(
                handed_over_at=None,
                state__in=CALLED_OFF,
                cancellation_fee__gt=0,
                state_changed_at__lt=span.end,
                state_changed_at__gte=span.start,
            )
        )
        .order_by("pk")
    )


def latest_records(reservations: Iterable[Reservation], meter: Meter, until: date) -> models.QuerySet[UsageRecord]:
    """Return what counts of the records of some reservations, those of ``until`` included: the latest revisions."""
    latest = (
        UsageRecord.objects.filter(allocation=OuterRef("allocation"), meter=OuterRef("meter"), month=OuterRef("month"))
        .order_by("-revision")
        .values("pk")[:1]
    )
    return UsageRecord.objects.filter(
        pk=Subquery(latest), reservation__in=[row.pk for row in reservations], meter=meter, month__lte=until
    ).order_by("reservation", "position", "month")


def histories(
    reservations: list[Reservation], month: date, overflow: Container[int] = ()
) -> Iterator[tuple[Reservation, History]]:
    """Yield each reservation with its history to the end of a month, as its finalised usage tells it.

    ``overflow`` are the pks of those that are beyond a commitment as a whole.
    """
    used: defaultdict[int, list[Used]] = defaultdict(list)
    for record in latest_records(reservations, Meter.RESERVED, month):
        if record.period is not None:
            used[record.reservation_id].append(Used(record.position, Period.of_range(record.period)))
    ends = _ends([row for row in reservations if row.state in OVER])
    for row in reservations:
        yield row, history_of(row, tuple(used[row.pk]), ends.get(row.pk, Ends()), is_overflow=row.pk in overflow)


@dataclass
class Ends:
    """When the last server of each place was taken back, and when anything last was let go.

    The two differ where a server was lost and the one in its place was not there when all was over.
    """

    places: dict[int, datetime] = field(default_factory=dict)
    last: datetime | None = None

    def note(self, allocation: Allocation, handed_over_at: datetime) -> None:
        """Take an allocation into account. One that never was handed over was let go with all others."""
        held = held_of(allocation, handed_over_at)
        end = held.end if held is not None else _let_go(allocation)
        if end is None:
            return
        self.last = max(end, self.last or end)
        if held is not None:
            self.places[allocation.position] = max(end, self.places.get(allocation.position, end))


def _let_go(allocation: Allocation) -> datetime | None:
    """Return when a server that never was a customer's was let go: it is erased later, or was not begun with."""
    if allocation.state not in (AllocationState.CLEANING, AllocationState.RELEASED):
        return None
    turnover = allocation.turnover
    planned = turnover.lower if turnover is not None and turnover.lower is not None else allocation.state_changed_at
    return min(planned, allocation.state_changed_at)


def _ends(over: list[Reservation]) -> dict[int, Ends]:
    handed_over = {row.pk: row.handed_over_at for row in over if row.handed_over_at is not None}
    found: defaultdict[int, Ends] = defaultdict(Ends)
    for allocation in Allocation.objects.filter(reservation__in=list(handed_over)):
        found[allocation.reservation_id].note(allocation, handed_over[allocation.reservation_id])
    return found


def history_of(reservation: Reservation, used: tuple[Used, ...], ends: Ends, *, is_overflow: bool = False) -> History:
    """Return the history of one reservation, of which ``ends`` tells when its servers were taken back."""
    if reservation.handed_over_at is None:
        return History(reservation.currency, lumps=tuple(_called_off(reservation)))
    charges, given_back_at = charges_of(reservation), ends.last
    return History(
        reservation.currency,
        tuple(_agreed(reservation, charges, _kinds(reservation, is_overflow=is_overflow))),
        tuple(_lump(reservation, charge) for charge in charges if charge.period is None),
        used,
        given_back_at,
        # What was taken back before the others was not held to the last.
        frozenset(place for place, end in ends.places.items() if given_back_at and end > given_back_at - AT_ONCE),
    )


def _called_off(reservation: Reservation) -> Iterator[Lump]:
    if reservation.state in CALLED_OFF and reservation.cancellation_fee:
        label = f"{reservation.name}: called off before it began"
        yield Lump(reservation.state_changed_at, label, reservation.cancellation_fee)


def _lump(reservation: Reservation, charge: Charge) -> Lump:
    """Return a fee; nothing is due before the hand-over."""
    at = max(charge.at or reservation.span.start, reservation.handed_over_at or reservation.span.start)
    return Lump(at, f"{reservation.name}: {charge.line.label}", charge.amount.amount)


def _agreed(reservation: Reservation, charges: Iterable[Charge], kinds: tuple[LineKind, LineKind]) -> Iterator[Agreed]:
    """Yield the prices in order. The first is for the places that were booked, one that begins when all others are
    over is for all places so far (it is longer), and any other for places that were added.
    """
    places, until = 0, None
    first, further = kinds
    for charge in charges:
        if charge.period is None:
            continue
        is_longer = until is not None and charge.period.start >= until
        yield Agreed(
            first if until is None else further,
            f"{reservation.name}: {charge.line.label}",
            reservation.server_type.gpu_count,
            charge.rate,
            charge.period,
            charge.count,
            charge.amount.amount,
            (0, places) if is_longer else (places, places + charge.count),
        )
        places += 0 if is_longer else charge.count
        until = charge.period.end if until is None else max(until, charge.period.end)


def _kinds(reservation: Reservation, *, is_overflow: bool) -> tuple[LineKind, LineKind]:
    """Return what the first price of a reservation is, and what any further one."""
    if reservation.is_committed:
        return LineKind.COMMITTED, LineKind.OVERFLOW
    beside = LineKind.OVERFLOW if is_overflow else LineKind.ON_DEMAND
    return beside, beside
