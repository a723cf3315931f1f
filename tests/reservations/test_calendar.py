"""Free spans are the gaps between what is held, and the timeline counts them, whoever writes what."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import POOL_STATES, Rack, Server
from portal.fleet.states import ServerState
from portal.operations.states import OPEN_PART
from portal.reservations import calendar, migrations
from portal.reservations.models import Allocation, FreeSpan, Grain, Pool, TimelineStep
from portal.reservations.states import HOLDING, AllocationState
from tests import factories
from tests.reservations.calendars import (
    STEP,
    assert_calendar_is_right,
    assert_timeline_counts,
    at,
    bare_reservation,
    free_spans,
    gaps,
    occupy,
    query,
    query_none,
    undone,
)
from tests.reservations.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SQL = Path(migrations.__file__).parent / "sql"
DAY = 144
"""In steps."""


def row(reservation, server, first, last, number, state=AllocationState.BOOKED):
    """Return an allocation that is not written yet."""
    return Allocation(
        state=state,
        reservation=reservation,
        server=server,
        position=number,
        hostname=f"x{number}",
        occupied=Period(at(first), at(last)).as_range(),
    )


class Yard:
    """Three servers in two fabrics, of which the first is held for two spans and the second for one."""

    def __init__(self):
        self.one, self.two = factories.servers(2, with_bmc=False)
        self.three = factories.server(in_fabric=factories.fabric("B"), with_bmc=False)
        self.holder = bare_reservation()
        self.early = occupy(self.holder, self.one, 5, 20)
        self.late = occupy(self.holder, self.one, 200, 300)
        self.other = occupy(self.holder, self.two, 25, 40)

    @property
    def all(self):
        return Allocation.objects.all()


def moved(yard, **fields):
    Server.objects.filter(pk=yard.one.pk).update(**fields)


def swap(yard):
    """Exchange the servers of two allocations in one statement."""
    query(
        "UPDATE reservations_allocation a SET server_id = b.server_id FROM reservations_allocation b "
        "WHERE a.id + b.id = %s AND a.id IN (%s, %s) RETURNING a.id",
        yard.late.pk + yard.other.pk,
        yard.late.pk,
        yard.other.pk,
    )


def truncate(yard):
    query_none("SET CONSTRAINTS ALL IMMEDIATE")
    query_none("TRUNCATE reservations_allocation CASCADE")


WRITES = {
    "nothing": lambda yard: None,
    "insert": lambda yard: occupy(yard.holder, yard.three, 30, 31),
    "insert touching": lambda yard: occupy(yard.holder, yard.one, 20, 200),
    "insert before all": lambda yard: occupy(yard.holder, yard.one, -5 * DAY, 5),
    "insert what holds nothing": lambda yard: occupy(yard.holder, yard.one, 30, 31, AllocationState.RELEASED),
    "bulk": lambda yard: Allocation.objects.bulk_create(
        [row(yard.holder, server, 50, 60, n) for n, server in enumerate((yard.three, yard.one, yard.two), 10)]
    ),
    "bulk on one server": lambda yard: Allocation.objects.bulk_create(
        [row(yard.holder, yard.one, 50 + n, 51 + n, n) for n in range(10, 30, 2)]
    ),
    "bulk in two gaps of one server": lambda yard: Allocation.objects.bulk_create(
        [row(yard.holder, yard.one, 50, 51, 10), row(yard.holder, yard.one, 400, 401, 11)]
    ),
    "bulk of some that hold": lambda yard: Allocation.objects.bulk_create(
        [row(yard.holder, yard.one, 50, 60, n, state) for n, state in enumerate(AllocationState) if n != 1 and n != 2]
    ),
    "release one": lambda yard: yard.all.filter(pk=yard.early.pk).update(state=AllocationState.RELEASED),
    "release all": lambda yard: yard.all.update(state=AllocationState.RELEASED),
    "hold on": lambda yard: yard.all.update(state=AllocationState.SERVING),
    "lengthen": lambda yard: yard.all.filter(pk=yard.early.pk).update(occupied=Period(at(5), at(150)).as_range()),
    "shorten": lambda yard: yard.all.filter(pk=yard.late.pk).update(occupied=Period(at(210), at(220)).as_range()),
    "move in time": lambda yard: yard.all.filter(pk=yard.late.pk).update(occupied=Period(at(1), at(4)).as_range()),
    "all at once": lambda yard: yard.all.update(occupied=Period(at(500), at(510)).as_range()),
    "move to a server": lambda yard: yard.all.filter(pk=yard.early.pk).update(server=yard.three),
    "swap servers": swap,
    "move and release": lambda yard: yard.all.filter(pk=yard.early.pk).update(
        server=yard.three, state=AllocationState.RELEASED
    ),
    "delete": lambda yard: yard.late.delete(),
    "delete all": lambda yard: yard.all.delete(),
    "truncate": truncate,
    "rename": lambda yard: yard.all.filter(pk=yard.early.pk).update(hostname="other"),
    "server breaks": lambda yard: moved(yard, state=ServerState.QUARANTINED),
    "server works": lambda yard: moved(yard, state=ServerState.IN_USE),
    "all servers leave": lambda yard: Server.objects.update(state=ServerState.RETIRED),
    "other fabric": lambda yard: moved(yard, fabric=yard.three.fabric),
    "new fabric": lambda yard: moved(yard, fabric=factories.fabric("C")),
    "other rack": lambda yard: moved(
        yard, rack=Rack.objects.create(region=yard.one.region, name="elsewhere"), rack_unit=40
    ),
    "spare": lambda yard: moved(yard, is_spare=True),
    "other type": lambda yard: moved(yard, server_type=factories.server_type("other")),
    "new server": lambda yard: factories.server(with_bmc=False),
    "new server out of the pool": lambda yard: factories.server(with_bmc=False, state=ServerState.ENROLLED),
    "server deleted": lambda yard: (yard.three.drives.all().delete(), yard.three.delete()),
}
UNCHANGED = ("nothing", "insert what holds nothing", "hold on", "rename", "server works", "new server out of the pool")


@pytest.mark.parametrize("name", WRITES)
def test_the_calendar_follows_every_writer(name):
    yard = Yard()
    if name == "all at once":
        yard.late.delete()
    before = free_spans()

    WRITES[name](yard)

    assert_calendar_is_right()
    unchanged = (
        "nothing",
        "insert what holds nothing",
        "hold on",
        "rename",
        "server works",
        "new server out of the pool",
    )
    assert (free_spans() == before) == (name in unchanged)


@pytest.mark.parametrize("name", WRITES)
def test_it_follows_after_folding_too_and_folding_changes_no_count(name):
    yard = Yard()
    assert calendar.fold() > 0
    assert calendar.fold() == 0
    assert_calendar_is_right()
    if name == "all at once":
        yard.late.delete()

    WRITES[name](yard)
    assert_calendar_is_right()
    calendar.fold()

    assert_calendar_is_right()
    assert not TimelineStep.objects.filter(is_folded=False).exists()


def test_a_server_that_comes_back_brings_what_it_was_booked_for_meanwhile():
    yard = Yard()
    moved(yard, state=ServerState.QUARANTINED)
    yard.early.delete()
    occupy(yard.holder, yard.one, 50, 60)
    assert yard.one.pk not in {key[0] for key in free_spans()}
    assert_calendar_is_right()

    moved(yard, state=ServerState.AVAILABLE)

    ((_, spans),) = [item for item in free_spans().items() if item[0][0] == yard.one.pk]
    assert [span[0] for span in spans[1:]] == [at(60), at(300)]
    assert_calendar_is_right()


def test_what_is_over_is_forgotten_and_what_is_to_come_is_not(noon):
    yard = Yard()
    noon.move_to(at(10 * DAY))
    occupy(yard.holder, yard.one, 50, 60)
    steps = TimelineStep.objects.count()

    calendar.forget()

    now = clock.now()
    truth = gaps()
    assert free_spans() == {key: [span for span in mine if span[1] >= now] for key, mine in truth.items()}
    assert calendar.faults() == []
    assert_timeline_counts(truth, now, 60)
    assert TimelineStep.objects.count() < steps


@pytest.mark.parametrize("name", WRITES)
def test_it_follows_after_forgetting_too(name):
    """What is given back beside forgotten time is free from the moment of forgetting on at the latest."""
    yard = Yard()
    query("SELECT calendar_forget(%s)", at(30))
    assert free_spans() != gaps()
    if name == "all at once":
        yard.late.delete()

    WRITES[name](yard)

    assert query("SELECT calendar_faults(%s)", at(30)) == []
    assert_timeline_counts(gaps(), at(30), 60)


times = st.tuples(st.integers(-30, 300), st.integers(1, 100))
writes = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 3), times),
        st.tuples(st.just("update"), st.integers(0, 9), times, st.integers(0, 3), st.sampled_from(AllocationState)),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(
            st.just("server"),
            st.integers(0, 3),
            st.sampled_from([ServerState.AVAILABLE, ServerState.IN_USE, ServerState.QUARANTINED]),
            st.sampled_from("AB"),
            st.booleans(),
        ),
        st.tuples(st.sampled_from(["fold", "forget"])),
        st.tuples(st.just("time"), st.integers(1, 40)),
    ),
    max_size=14,
)


class Writer:
    """Writes at random; what the constraint would refuse is left out."""

    def __init__(self, noon):
        self.noon, self.servers = noon, factories.servers(4, with_bmc=False)
        self.holder, self.forgot = bare_reservation(), False

    def is_taken(self, server, occupied, but=None):
        rows = Allocation.objects.filter(server=server, state__in=HOLDING, occupied__overlap=occupied.as_range())
        return rows.exclude(pk=but).exists()

    def span(self, first, length):
        return Period(at(first), at(first + length))

    def insert(self, server, span):
        if not self.is_taken(self.servers[server], self.span(*span)):
            occupy(self.holder, self.servers[server], span[0], span[0] + span[1])

    def some(self, number):
        return Allocation.objects.order_by("pk")[number : number + 1].first()

    def update(self, number, span, server, state):
        found = self.some(number)
        if found and not (state in HOLDING and self.is_taken(self.servers[server], self.span(*span), found.pk)):
            Allocation.objects.filter(pk=found.pk).update(
                state=state, server=self.servers[server], occupied=self.span(*span).as_range()
            )

    def delete(self, number):
        found = self.some(number)
        if found:
            found.delete()

    def server(self, number, state, fabric, is_spare):
        Server.objects.filter(pk=self.servers[number].pk).update(
            state=state, fabric=factories.fabric(fabric), is_spare=is_spare
        )

    def fold(self):
        calendar.fold(5)

    def forget(self):
        calendar.forget()
        self.forgot = True

    def time(self, steps):
        self.noon.shift(steps * STEP)


@settings(max_examples=50)
@given(writes)
def test_the_calendar_follows_a_random_writer(acts):
    with undone(), time_machine.travel(NOON, tick=False) as traveller:
        writer = Writer(traveller)
        for name, *values in acts:
            getattr(writer, name)(*values)
            assert calendar.faults() == [], name
            if not writer.forgot:
                assert free_spans() == gaps(), name
        assert_timeline_counts(gaps(), clock.now(), 60)


def test_slots_are_counted_where_a_server_is_free_for_all_of_them():
    server = factories.server()
    occupy(bare_reservation(), server, 3, 13)
    (pool,) = Pool.objects.all()

    hours = calendar.slots([pool.pk], Grain.HOUR, Period(at(0), at(24)))
    midnight = at(0) - timedelta(hours=12)
    days = calendar.slots([pool.pk], Grain.DAY, Period(midnight, midnight + timedelta(days=2)))

    assert list(hours) == [(pool.pk, at(0), 0), (pool.pk, at(6), 0), (pool.pk, at(12), 0), (pool.pk, at(18), 1)]
    assert [free for _, _, free in days] == [0, 1]


def test_pools_without_servers_count_nothing():
    factories.server()
    (pool,) = Pool.objects.all()
    Server.objects.update(state=ServerState.RETIRED)

    assert not FreeSpan.objects.exists()
    assert list(calendar.slots([pool.pk], Grain.HOUR, Period(at(0), at(6)))) == [(pool.pk, at(0), 0)]
    assert calendar.count_free([pool.pk], Period(at(0), at(6)), is_due=False, most=9) == {pool.pk: 0}


def test_the_states_that_the_database_is_told_are_those_of_the_tables():
    """The functions name states as words, and nothing else keeps these words and the tables together."""
    known = {frozenset(map(str, states)): 0 for states in (HOLDING, POOL_STATES, OPEN_PART)}
    for path in SQL.glob("*.sql"):
        for words in re.findall(r"state (?:NOT )?IN \(([^)]*)\)", path.read_text()):
            states = frozenset(re.findall(r"'(\w+)'", words))
            assert states in known, (path.name, states)
            known[states] += 1
    assert all(known.values())
    (ready,) = re.findall(r"s\.state = '(\w+)'", "".join(path.read_text() for path in SQL.glob("*.sql")))
    assert ready == ServerState.AVAILABLE
