"""What is to be billed when."""

from datetime import date

from django.db.models import Max, Min, Q

from portal.billing.histories import CALLED_OFF
from portal.billing.models import MonthClose
from portal.contracts.models import Commitment
from portal.core import clock
from portal.core.months import begin_of, month_of, next_month, span_of
from portal.reservations.models import Reservation
from portal.sla.definitions import CLOSE_AFTER
from portal.sla.models import SlaCredit
from portal.sla.states import CreditState
from portal.tenancy.models import Organization

OWED = Q(handed_over_at__isnull=False) | Q(state__in=CALLED_OFF, cancellation_fee__gt=0)


def open_months(organization: Organization, until: date) -> list[date]:
    """Return the months from the first one in which something was owed that are not closed, up to (with) ``until``.

    What a contract makes owed at least is owed without any server, too, and so is credit for servers that never came.
    """
    last = MonthClose.objects.filter(organization=organization).aggregate(last=Max("month"))["last"]
    if last is not None:
        month = next_month(last)
    else:
        owed = Reservation.objects.filter(OWED, organization=organization)
        first = owed.aggregate(used=Min("handed_over_at"), off=Min("state_changed_at", filter=Q(handed_over_at=None)))
        agreed = Commitment.objects.filter(contract__organization=organization)
        first |= agreed.aggregate(agreed=Min("period__startswith"))
        credited = SlaCredit.objects.filter(organization=organization).aggregate(first=Min("month"))["first"]
        known = [at for at in first.values() if at is not None]
        known += [begin_of(credited)] if credited else []
        if not known:
            return []
        month = month_of(min(known))
    found = []
    while month <= until:
        found.append(month)
        month = next_month(month)
    return found


def months_due() -> list[tuple[Organization, date]]:
    """Return what is to be closed by now, each organization's months in order.

    A month waits until what was promised in it may be measured: what happened at its end is known by then.
    """
    now = clock.now()
    latest = month_of(now - CLOSE_AFTER)
    owing = Organization.objects.filter(
        Q(pk__in=Reservation.objects.filter(OWED).values("organization"))
        | Q(pk__in=Commitment.objects.values("contract__organization"))
        | Q(pk__in=SlaCredit.objects.filter(state=CreditState.DUE).values("organization"))
    ).order_by("pk")
    return [
        (organization, month)
        for organization in owing
        for month in open_months(organization, latest)
        if span_of(month).end + CLOSE_AFTER <= now
    ]
