"""What the present month costs so far, and what it will by its end if nothing changes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.billing.histories import OVER, Ends, held_of, history_of
from portal.billing.rating import History, Used, due_until
from portal.core.money import Money
from portal.core.months import span_of
from portal.core.periods import Period
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.models import Organization

TO_BEGIN = (ReservationState.SCHEDULED, ReservationState.PROVISIONING)


@dataclass(frozen=True)
class Outlook:
    """A month in one currency, before credits and tax."""

    so_far: Money
    by_its_end: Money


def outlook(organization: Organization, month: date, now: datetime) -> list[Outlook]:
    """Return the outlook of a month for each currency in which there is something."""
    span = span_of(month)
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for history in _histories(organization, span):
        before = due_until(history, span.start)
        sums[history.currency][0] += due_until(history, min(now, span.end)) - before
        sums[history.currency][1] += due_until(history, span.end) - before
    return [
        Outlook(Money(so_far, currency), Money(by_its_end, currency))
        for currency, (so_far, by_its_end) in sorted(sums.items())
        if by_its_end
    ]


def _histories(organization: Organization, span: Period) -> Iterator[History]:
    """Yield what is held, or will be, in a month: what is held now goes on as agreed."""
    rows = Reservation.objects.select_related("server_type", "region").filter(
        organization=organization, period__overlap=span.as_range()
    )
    reservations = {row.pk: row for row in rows}
    used: defaultdict[int, list[Used]] = defaultdict(list)
    ends: defaultdict[int, Ends] = defaultdict(Ends)
    for allocation in Allocation.objects.filter(reservation__in=list(reservations)):
        reservation = reservations[allocation.reservation_id]
        if reservation.handed_over_at is None:
            if reservation.state in TO_BEGIN and allocation.state == AllocationState.BOOKED:
                used[reservation.pk].append(Used(allocation.position, reservation.span))
            continue
        if reservation.state in OVER:
            ends[reservation.pk].note(allocation, reservation.handed_over_at)
        held = held_of(allocation, reservation.handed_over_at)
        if held is None:
            continue
        last = held.end or max(reservation.span.end, span.end)
        if held.start < last:
            used[reservation.pk].append(Used(allocation.position, Period(held.start, last)))
    for pk, row in reservations.items():
        if row.handed_over_at is None and row.state in TO_BEGIN:
            # As it will be once it has begun, when it was agreed to begin.
            row.handed_over_at = row.span.start
        yield history_of(row, tuple(used[pk]), ends[pk])
