"""Taking what nobody holds, at once: who finds others there rolls back and waits, and no row gets a multixact."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from portal.core import clock
from portal.core.periods import Period
from portal.reservations import capacity
from portal.reservations.calendar import HeldByOthers
from portal.reservations.capacity import Demand
from portal.reservations.models import FreeSpan, Placement, Reservation
from portal.reservations.services import booking
from portal.reservations.services.booking import pick, pick_at_once
from portal.reservations.services.reserve import reserve
from tests import factories
from tests.racing import Runner
from tests.reservations.calendars import bare_reservation, overlaps

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def wish(count=1, placement=Placement.ANY):
    kind = factories.server_type(lead_time=timedelta(0), cleanup_time=timedelta(0))
    start = clock.now() + DAY
    return Demand(kind, factories.region(), count, Period(start, start + DAY), placement)


@transaction.atomic
def at_once(demand):
    """Return what somebody else gets at once, without keeping it."""
    return capacity.take(demand, demand.period, is_patient=False)


def test_what_others_hold_is_passed_over():
    wish()
    made = {server.pk for server in factories.servers(5, with_bmc=False)}

    with transaction.atomic():
        mine = capacity.take(wish(2), wish().period, is_patient=False)
        others = Runner(at_once, wish(3)).result()

    assert set(mine) | set(others) == made
    assert sorted(others) == others


@pytest.mark.parametrize("placement", Placement.values)
def test_too_little_beside_what_others_hold_is_no_answer_and_one_of_too_little_at_all_is(placement):
    wish()
    factories.servers(4, with_bmc=False)

    with transaction.atomic():
        assert capacity.take(wish(2), wish().period, is_patient=False)
        assert isinstance(Runner(at_once, wish(3, placement)).result(), HeldByOthers)
        assert Runner(at_once, wish(5, placement)).result() is None


def test_who_finds_others_there_keeps_nothing_locked_and_waits_for_what_they_decide(monkeypatch):
    factories.servers(2, with_bmc=False)
    buyer = factories.buyer()
    request = factories.request(buyer, count=2)
    asked = []

    def noted(how):
        def take(*args):
            asked.append(how.__name__)
            return how(*args)

        return take

    monkeypatch.setattr(booking, "pick_at_once", noted(pick_at_once))
    monkeypatch.setattr(booking, "pick", noted(pick))
    held = Demand(request.server_type, request.region, 1, Period(request.starts_at, request.ends_at))
    with transaction.atomic():
        assert capacity.take(held, capacity.occupied_period(held.server_type, held.period))
        racer = Runner(lambda: reserve(scope=buyer, actor=buyer.actor, request=request))
        while len(asked) < 2:
            assert racer.is_alive(), racer.outcome
        # What he could have locked at first is free for others while he waits.
        rest = FreeSpan.objects.select_for_update(skip_locked=True)
        while len(rest) < 2:
            assert racer.is_alive(), racer.outcome
            rest = rest.all()

    made = racer.result()
    assert isinstance(made, Reservation)
    assert made.allocations.count() == 2
    assert asked == ["pick_at_once", "pick"]
    assert overlaps() == 0


def marks_of_deleted(is_patient):
    """Return whether what is taken is marked by the transaction itself, as somebody else sees it, or by a multixact."""
    demand = wish()
    server = factories.server(with_bmc=False)

    def marks():
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmax::text FROM reservations_freespan WHERE server_id = %s", [server.pk])
            return [row[0] for row in cursor.fetchall()]

    with transaction.atomic():
        assert capacity.take(demand, demand.period, is_patient=is_patient) == [server.pk]
        booking.allocate(bare_reservation(), [server.pk], demand.period)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::xid::text")
            mine = cursor.fetchone()[0]
        return Runner(marks).result() == [mine]


def test_what_is_taken_at_once_leaves_no_multixact():
    assert marks_of_deleted(is_patient=False)


def test_control_what_is_locked_in_a_block_of_its_own_leaves_one():
    assert not marks_of_deleted(is_patient=True)
