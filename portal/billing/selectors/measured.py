"""What the record of allocations and operations says about servers in customers' hands."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Q

from portal.billing.metering import OFF_EVENTS, ON_EVENTS
from portal.core.periods import Period
from portal.operations.models import OperationEvent
from portal.reservations.states import AllocationState

Switches = dict[tuple[str, int], list[tuple[datetime, bool]]]
"""When a server of a reservation was switched on or off, by the reservation's public id and the server's pk."""


def served_in(period: Period) -> Q:
    """Return the condition on allocations that may have been in a customer's hands in a period."""
    had = Q(ready_at__lt=period.end, reservation__handed_over_at__lt=period.end)
    return had & (Q(occupied__overlap=period.as_range()) | Q(state=AllocationState.SERVING))


def switches_of(subjects: list[str], until: datetime) -> Switches:
    """Return what was told of the power of the servers of some reservations before an instant."""
    found: Switches = defaultdict(list)
    told = OperationEvent.objects.filter(
        subject__in=subjects, type__in=OFF_EVENTS + ON_EVENTS, created_at__lt=until, server__isnull=False
    ).order_by()
    for subject, server, kind, at in told.values_list("subject", "server_id", "type", "created_at"):
        found[subject, server].append((at, kind in ON_EVENTS))
    return found
