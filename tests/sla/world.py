"""Servers that tenants have for some days of January 2030, with what was seen of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import time_machine

from portal.core.actors import SYSTEM
from portal.operations.models import Operation
from portal.operations.services.events import tell
from portal.operations.states import OperationState
from portal.reservations.models import Allocation
from portal.sla.definitions import Condition, Kind
from portal.sla.models import Evidence
from portal.sla.models.evidence import Source
from tests import factories
from tests.sla import histories

JANUARY = datetime(2030, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2030, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def tier(**kwargs):
    """Store a tier; by default the one that reservations have."""
    made = histories.tier(**{"is_default": True, **kwargs})
    made.save()
    return made


def handed_over(begin=JANUARY + DAY, days=10, count=1, ready_after=timedelta(0), buyer=None, **kwargs):
    """Return a reservation of servers that are handed over so long after its begin."""
    with time_machine.travel(begin, tick=False):
        who = buyer or factories.buyer()
        factories.servers(count)
        made = factories.reservation(
            who, count=count, starts_at=None, ends_at=begin + timedelta(days=days), image=factories.image(), **kwargs
        )
    with time_machine.travel(begin + ready_after, tick=False):
        factories.hand_over(made)
    made.refresh_from_db()
    return made


def server_of(reservation, position=0):
    """Return a server of a reservation."""
    return Allocation.objects.get(reservation=reservation, position=position).server


def seen(server, value, since, until, kind=Kind.REACHABLE, source=Source.PROBE):
    """Note what was seen of a server."""
    return Evidence.objects.create(
        server=server, kind=kind.value, value=value.value, since=since, until=until, source=source
    )


def outage(server, since, minutes):
    """Note that a server was reachable all January, but for some minutes."""
    until = since + timedelta(minutes=minutes)
    seen(server, Condition.UP, JANUARY, since)
    seen(server, Condition.DOWN, since, until)
    seen(server, Condition.UP, until, FEBRUARY)


def operation(reservation, server, kind, asked_at, lasted, by_staff=False):
    """Note an operation on one server that succeeded, and what was told of it."""
    made = Operation.objects.create(
        kind=kind,
        subject=reservation.public_id,
        project=reservation.project,
        state=OperationState.SUCCEEDED,
        finished_at=asked_at + lasted,
        created_at=asked_at,
    )
    words = {"reason": "a cable"} if by_staff else {"who": "ana"}
    told = "server.asked_by_staff" if by_staff else "server.asked"
    tell(
        actor=SYSTEM,
        subject=made.subject,
        event_type=told,
        operation=made,
        server=server,
        what="Something",
        **words,
    )
    return made


def price(hours, rate="2.50", gpus=8):
    """Return what a server costs for some hours."""
    return Decimal(rate) * gpus * hours
