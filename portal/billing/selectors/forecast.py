"""What the present month costs so far, and what it will by its end if nothing changes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from portal.billing.commitments import shortfall
from portal.billing.histories import CALLED_OFF, OVER, Ends, held_of, history_of
from portal.billing.rating import History, Used, due_until
from portal.billing.selectors.closing import open_months
from portal.billing.selectors.commitments import spending_of
from portal.core.money import Money
from portal.core.months import previous_month, span_of
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
    to_minimum: Money
    """What of ``by_its_end`` only brings a contract's spending up to what was agreed at least."""


def outlook(organization: Organization, month: date, now: datetime) -> list[Outlook]:
    """Return the outlook of a month for each currency in which there is something."""
    span = span_of(month)
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    owed: dict[int, Decimal] = {}
    for pk, history in _histories(organization, span):
        before = due_until(history, span.start)
        owed[pk] = due_until(history, span.end) - before
        sums[history.currency][0] += due_until(history, min(now, span.end)) - before
        sums[history.currency][1] += owed[pk]
    missing = _missing(organization, month, owed)
    return [
        Outlook(
            Money(sums[currency][0], currency),
            Money(sums[currency][1] + missing[currency], currency),
            Money(missing[currency], currency),
        )
        for currency in sorted(sums.keys() | missing.keys())
        if sums[currency][1] + missing[currency]
    ]


def _missing(organization: Organization, month: date, owed: dict[int, Decimal]) -> defaultdict[str, Decimal]:
    """Return by currency what will be missing to the minimums whose time is over by the end of the month.

    ``owed`` is what it adds, by reservations' pks. Nothing is known in the hours before the last month is invoiced.
    """
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    over = list(spending_of(organization, month, owed))
    if not over or open_months(organization, previous_month(month)):
        return found
    for contract, spending in over:
        line = shortfall(spending)
        if line is not None:
            found[contract.currency] += line.amount
    return found


def _histories(organization: Organization, span: Period) -> Iterator[tuple[int, History]]:
    """Yield what is held, or will be, in a month: what is held now goes on as agreed. What was called off in it costs
    its fee, whenever it would have begun.
    """
    called_off = Q(
        handed_over_at=None,
        state__in=CALLED_OFF,
        cancellation_fee__gt=0,
        state_changed_at__gte=span.start,
        state_changed_at__lt=span.end,
    )
    rows = Reservation.objects.select_related("server_type", "region").filter(
        Q(period__overlap=span.as_range()) | called_off, organization=organization
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
        yield pk, history_of(row, tuple(used[pk]), ends[pk])
