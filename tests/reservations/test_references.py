"""What an allocation refers to is there, and stays: the triggers that take the place of foreign keys."""

from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction

from portal.reservations import calendar
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState
from tests import factories
from tests.racing import Runner, await_blocked
from tests.reservations.calendars import bare_reservation, occupy, query, query_none

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = 987_654_321
SERVER, RESERVATION = "allocation_server_known", "allocation_reservation_known"
ORPHANS = """
SELECT count(*) FROM reservations_allocation a
WHERE NOT EXISTS (SELECT 1 FROM fleet_server s WHERE s.id = a.server_id)
   OR NOT EXISTS (SELECT 1 FROM reservations_reservation r WHERE r.id = a.reservation_id)
"""


def run(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def bare_server():
    """Return a server that nothing refers to."""
    server = factories.server(with_bmc=False)
    run("DELETE FROM fleet_drive WHERE server_id = %s", server.pk)
    return server


@pytest.fixture
def held():
    """Return an allocation whose reservation and server nothing else refers to."""
    return occupy(bare_reservation(), bare_server(), 0, 10)


def refusal_of(act):
    """Return the name of the constraint that refuses ``act``, which leaves everything as it was."""
    before = list(Allocation.objects.order_by("pk").values())
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    assert list(Allocation.objects.order_by("pk").values()) == before
    assert calendar.faults() == []
    return caught.value.__cause__.diag.constraint_name


def copy_of(row, **fields):
    row.pk, row.public_id, row.hostname = None, f"alo_{NOBODY}", "another"
    for name, value in fields.items():
        setattr(row, name, value)
    row._state.adding = True
    row.save(force_insert=True)


@pytest.mark.parametrize("state", AllocationState)
def test_an_allocation_of_nothing_is_refused(held, state):
    other = bare_server()

    assert refusal_of(lambda: copy_of(held, state=state, server_id=NOBODY)) == SERVER
    assert refusal_of(lambda: copy_of(held, state=state, server=other, reservation_id=NOBODY)) == RESERVATION


@pytest.mark.parametrize("state", AllocationState)
def test_an_allocation_is_not_pointed_at_nothing(held, state):
    Allocation.objects.update(state=state)

    assert refusal_of(lambda: Allocation.objects.update(server=NOBODY)) == SERVER
    assert refusal_of(lambda: Allocation.objects.update(reservation=NOBODY)) == RESERVATION


@pytest.mark.parametrize("state", AllocationState)
def test_what_is_referred_to_does_not_go(held, state):
    Allocation.objects.update(state=state)

    assert refusal_of(lambda: run("DELETE FROM fleet_server WHERE id = %s", held.server_id)) == SERVER
    assert refusal_of(lambda: run("UPDATE fleet_server SET id = %s WHERE id = %s", NOBODY, held.server_id)) == SERVER
    gone = "DELETE FROM reservations_reservation WHERE id = %s"
    assert refusal_of(lambda: run(gone, held.reservation_id)) == RESERVATION
    assert refusal_of(lambda: run("UPDATE reservations_reservation SET id = %s", NOBODY)) == RESERVATION


@pytest.mark.parametrize("table", ["fleet_server", "reservations_reservation"])
def test_what_is_referred_to_is_not_emptied(held, table):
    refusal_of(lambda: run(f"TRUNCATE {table} CASCADE"))


def test_what_nothing_refers_to_goes(held):
    Allocation.objects.all().delete()

    run("DELETE FROM reservations_reservation WHERE id = %s", held.reservation_id)
    run("DELETE FROM fleet_server WHERE id = %s", held.server_id)
    assert calendar.faults() == []


@contextmanager
def without(function):
    """Let one of the functions that look for what is referred to find nothing wrong."""
    ((written,),) = query(f"SELECT pg_get_functiondef('{function}'::regproc)")
    head = written[: written.index("AS $function$")]
    query_none(f"{head} AS $function$ BEGIN END $function$")
    try:
        yield
    finally:
        query_none(written)


def parts(kind):
    """Return a reservation and a server without an allocation, and the statement and key that delete one of them."""
    reservation, server = bare_reservation(), bare_server()
    deletions = {
        "server": ("DELETE FROM fleet_server WHERE id = %s", server.pk),
        "reservation": ("DELETE FROM reservations_reservation WHERE id = %s", reservation.pk),
    }
    return reservation, server, deletions[kind]


@pytest.mark.parametrize("kind", ["server", "reservation"])
def test_who_deletes_waits_for_who_is_just_referring_to_it(kind):
    reservation, server, target = parts(kind)

    with transaction.atomic():
        occupy(reservation, server, 0, 10)
        other = Runner(run, *target)
        await_blocked(1)

    assert isinstance(other.result(), IntegrityError)
    assert query(ORPHANS) == [(0,)]
    assert calendar.faults() == []


@pytest.mark.parametrize("kind", ["server", "reservation"])
def test_who_refers_waits_for_who_is_just_deleting_it(kind):
    reservation, server, target = parts(kind)

    with transaction.atomic():
        run(*target)
        other = Runner(occupy, reservation, server, 0, 10)
        await_blocked(1)

    assert isinstance(other.result(), IntegrityError)
    assert not Allocation.objects.exists()
    assert calendar.faults() == []


@pytest.mark.parametrize("kind", ["server", "reservation"])
def test_control_without_the_triggers_an_allocation_is_left_of_nothing(kind):
    reservation, server, target = parts(kind)

    with without("calendar_require_unreferred"):
        with transaction.atomic():
            occupy(reservation, server, 0, 10)
            other = Runner(run, *target)
            await_blocked(1)
        assert other.result() is None

    assert query(ORPHANS) == [(1,)]


def test_a_server_is_no_lock_that_bookings_share(held):
    """Rows that many lock at once have lists of who locks them, which everybody reads who comes by."""
    with transaction.atomic():
        occupy(held.reservation, held.server, 20, 30)
        other = Runner(query, "SELECT count(*) FROM (SELECT 1 FROM fleet_server FOR UPDATE NOWAIT) s")
        assert other.result() == [(1,)]
    assert Reservation.objects.count() == 1


def test_the_plans_of_what_every_booking_asks_are_kept():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, coalesce(proconfig, '{}') @> '{plan_cache_mode=force_generic_plan}' FROM pg_proc "
            "WHERE proname IN ('calendar_grab', 'calendar_choice', 'calendar_take', 'calendar_note') "
            "OR proname LIKE 'calendar\\_require\\_%' ORDER BY proname"
        )
        kept = dict(cursor.fetchall())

    assert len(kept) == 7
    assert [name for name, is_kept in kept.items() if not is_kept] == []
