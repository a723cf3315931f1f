"""Calendars to test against: allocations written as rows, and an oracle that looks at every instant."""

import itertools
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import POOL_STATES, Server
from portal.operations.models import Operation
from portal.reservations import calendar
from portal.reservations.capacity import is_due, occupied_period, pools_for
from portal.reservations.models import Allocation, FreeSpan, Grain, Placement, Pool, Reservation
from portal.reservations.states import HOLDING, AllocationState, ReservationState
from tests import factories
from tests.racing import PATIENCE_S
from tests.reservations.oracle import FreeServer

STEP = timedelta(minutes=10)
_number = itertools.count(1)
SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


@contextmanager
def undone():
    """Undo everything that is written inside: one example of many in one test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def at(steps):
    return clock.now() + steps * STEP


def bare_reservation(state=ReservationState.SCHEDULED, **kwargs):
    """Return a reservation as a row, without quota, price and allocations."""
    project = kwargs.pop("project", None) or factories.project()
    number = Reservation.objects.count()
    fields = {
        "state": state,
        "organization": project.organization,
        "project": project,
        "name": f"r-{number}",
        "server_type": factories.server_type(),
        "region": factories.region(),
        "count": 1,
        "period": Period(at(0), at(6)).as_range(),
        "placement": Placement.ANY,
        "image": factories.image(),
        "ssh_keys": [factories.KEY],
        "rate_per_gpu_hour": 1,
        "price": 10,
        "currency": "USD",
        "requested_by": "test",
        **kwargs,
    }
    return Reservation.objects.create(**fields)


def occupy(reservation, server, first, last, state=AllocationState.BOOKED):
    """Let a server be held from step ``first`` to step ``last``."""
    number = next(_number) % 30_000
    return Allocation.objects.create(
        state=state,
        reservation=reservation,
        server=server,
        position=number,
        hostname=f"h{number}",
        occupied=Period(at(first), at(last)).as_range(),
    )


def query(statement, *values):
    """Return the rows of one statement; its values are in order, or one mapping by name."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values[0] if values and isinstance(values[0], dict) else values)
        return cursor.fetchall()


def await_rows(statement, *values):
    """Wait until a statement has a row to return."""
    deadline = time.monotonic() + PATIENCE_S
    while not query(statement, *values):
        assert time.monotonic() < deadline, f"nothing came of {statement}"
        time.sleep(0.005)


def await_poller():
    """Wait until somebody has found free servers locked, and looks again and again."""
    await_rows(
        """SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
           WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 7001 AND l.granted"""
    )


def overlaps():
    """Return the pairs of holding allocations that hold one server at one instant: each is a loss."""
    ((count,),) = query(
        """SELECT count(*) FROM reservations_allocation a JOIN reservations_allocation b
           ON a.server_id = b.server_id AND a.id < b.id AND a.occupied && b.occupied
           WHERE a.state = ANY(%s) AND b.state = ANY(%s)""",
        list(HOLDING),
        list(HOLDING),
    )
    return count


@contextmanager
def unnoticed():
    """Keep the calendar from following what is written to the allocations inside."""
    query_none("SET CONSTRAINTS ALL IMMEDIATE")
    query_none("ALTER TABLE reservations_allocation DISABLE TRIGGER USER")
    try:
        yield
    finally:
        query_none("SET CONSTRAINTS ALL IMMEDIATE")
        query_none("ALTER TABLE reservations_allocation ENABLE TRIGGER USER")


def query_none(statement):
    """Run one statement that returns no rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


CHOICE = """SELECT c.server_id, s.fabric_id FROM calendar_choice(%s::bigint[], %s, %s, %s, %s, %s, %s) c
            JOIN fleet_server s ON s.id = c.server_id ORDER BY 1"""


def choice(demand, count=None):
    """Return the servers that the database would take for a demand, in pk order; fewer than asked for: too few."""
    span = occupied_period(demand.server_type, demand.period)
    wanted = count or demand.count
    rows = query(
        CHOICE, pools_for(demand), wanted, span.start, span.end, is_due(span), not demand.same_fabric, 4 * wanted + 64
    )
    return [FreeServer(*row) for row in rows]


def free_servers(demand):
    """Return every server that is free for a demand's whole period with preparation and turnover, in pk order."""
    return choice(replace(demand, placement=Placement.ANY), 1000)


def snapshot():
    """Return every row that the services here could change, to compare with later."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Reservation, Allocation, Operation, Server, AuditEvent)
    ]


def free_spans():
    """Return what the calendar keeps: ``{(server pk, pool pk, rack pk): [(lo, hi)]}``."""
    found = defaultdict(list)
    for span in FreeSpan.objects.order_by("server_id", "lo"):
        found[span.server_id, span.pool_id, span.rack_id].append((span.lo, span.hi))
    return dict(found)


def gaps():
    """Return the same worked out from the rows of servers and allocations, one by one."""
    pools = {(p.server_type_id, p.region_id, p.fabric_id, p.is_spare): p.pk for p in Pool.objects.all()}
    found = {}
    for server in Server.objects.filter(state__in=POOL_STATES):
        rows = Allocation.objects.filter(server=server, state__in=HOLDING)
        busy = sorted((row.occupied.lower, row.occupied.upper) for row in rows)
        edges = [SINCE, *(edge for span in busy for edge in span), UNTIL]
        pool = pools[server.server_type_id, server.region_id, server.fabric_id, server.is_spare]
        spans = [(lo, hi) for lo, hi in zip(edges[::2], edges[1::2], strict=True) if lo < hi]
        found[server.pk, pool, server.rack_id] = spans
    return {key: spans for key, spans in found.items() if spans}


def assert_timeline_counts(spans, first, hours):
    """Check every slot of both grains that begins in some hours from ``first`` on, against the free spans."""
    pools = list(Pool.objects.values_list("pk", flat=True))
    for grain in Grain:
        step = timedelta(hours=grain.value)
        start = first - (first - SINCE) % step
        end = start + -(-timedelta(hours=hours) // step) * step
        for pool, at, free in calendar.slots(pools, grain, Period(start, end)):
            if at >= first:
                covers = [
                    lo <= at and at + step <= hi for key, mine in spans.items() if key[1] == pool for lo, hi in mine
                ]
                assert free == sum(covers), (pool, grain, at)


def assert_calendar_is_right(hours=60):
    """Check that free spans and timeline say what the allocations say, from now on and before."""
    truth = gaps()
    assert free_spans() == truth
    assert_timeline_counts(truth, clock.now() - timedelta(hours=30), hours)
    assert calendar.faults() == []
