"""Servers that came late over a month's end, and servers that never came: credited as the oracle works it out."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
import time_machine

from portal.core.actors import SYSTEM
from portal.core.money import Money
from portal.core.periods import Period
from portal.operations.models import OperationServer
from portal.operations.states import PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services import outcomes
from portal.reservations.services.lifecycle import call_off
from portal.sla.models import ServerMonth, SlaCredit
from portal.sla.services.measuring import measure_month
from tests import factories
from tests.sla import oracle, world
from tests.sla.world import DAY, FEBRUARY, JANUARY

pytestmark = pytest.mark.django_db
MONTHS = (date(2030, 1, 1), date(2030, 2, 1))
HOUR = timedelta(hours=1)


def booked(begin, days, count=1):
    """Return a reservation whose servers are being prepared."""
    with time_machine.travel(begin, tick=False):
        factories.servers(count)
        ends_at = begin + timedelta(days=days)
        return factories.reservation(count=count, starts_at=None, ends_at=ends_at, image=factories.image())


def come(reservation, at, but=()):
    """Hand over the servers of a reservation but those at some positions, which fail."""
    with time_machine.travel(at, tick=False):
        for number, part in enumerate(OperationServer.objects.filter(operation__subject=reservation.public_id)):
            if number in but:
                OperationServer.objects.filter(pk=part.pk).update(state=PartState.FAILED)
                outcomes.server_failed(part=part)
            else:
                outcomes.server_ready(part=part, ssh_user="ubuntu")
        outcomes.deploy_finished(operation=part.operation)


def measured():
    """Measure both months, each twice; return what was credited in cents, by month."""
    with time_machine.travel(FEBRUARY + 40 * DAY, tick=False):
        for month in MONTHS:
            measure_month(actor=SYSTEM, month=month)
            again = ServerMonth.objects.count(), SlaCredit.objects.count()
            measure_month(actor=SYSTEM, month=month)
            assert (ServerMonth.objects.count(), SlaCredit.objects.count()) == again
    return {row.month: int(row.amount * 100) for row in SlaCredit.objects.order_by("month")}


def expected(tier, late, passed, hours, reason="late_handover"):
    """Return the cents that are due for what was late, and missed or served for some hours."""
    nothing = {"obliged": 0, 2: 0, 3: 0}
    hour = Fraction(world.price(1))
    return oracle.cents(tier, nothing, {reason: [(late, passed)]}, hour * hours, hour * 24).get(reason, 0)


def test_a_server_that_never_came_is_late_until_the_end_and_month_by_month():
    tier = world.tier(handover_minutes=60, late_credit_percent=1)
    begin = FEBRUARY - DAY
    come(booked(begin, 3, count=2), begin, but=[1])

    found = measured()

    january, february = 23 * 60, 71 * 60
    assert found == {
        MONTHS[0]: expected(tier, january, 0, 23),
        MONTHS[1]: expected(tier, february, january, 48),
    }
    assert all(found.values())
    months = ServerMonth.objects.order_by("month", "server").values_list("measured_seconds", flat=True)
    assert sorted(months) == [0, 0, 86_400, 2 * 86_400]


def test_the_credit_is_at_most_the_price_of_what_was_missed():
    world.tier(handover_minutes=60, late_credit_percent=100)
    come(booked(JANUARY + DAY, 4, count=2), JANUARY + DAY, but=[0])

    measured()

    credit = SlaCredit.objects.get()
    assert credit.money == Money(world.price(95), "USD")
    late = credit.arithmetic["late"][0]
    assert (late["came_at"], late["until"], late["late_seconds"]) == (None, "2030-01-06T00:00:00Z", 95 * 3600)
    assert credit.server == Allocation.objects.get(state="failed").server


def test_where_all_failed_it_is_late_until_it_was_said():
    tier = world.tier(handover_minutes=60, late_credit_percent=1)
    begin = JANUARY + DAY
    made = booked(begin, 4)
    come(made, begin + 9 * HOUR, but=[0])

    assert Reservation.objects.get(pk=made.pk).state == "failed"
    assert measured() == {MONTHS[0]: expected(tier, 8 * 60, 0, 8)}


@pytest.mark.parametrize("after, is_credited", [(HOUR, False), (3 * HOUR, False), (9 * HOUR, True)])
def test_whoever_calls_it_off_waits_no_longer(after, is_credited):
    tier = world.tier(handover_minutes=60, late_credit_percent=1)
    begin = JANUARY + DAY
    made = booked(begin, 4)
    with time_machine.travel(begin + after, tick=False):
        call_off(actor=SYSTEM, reservation=made, reason="it takes too long")

    late = (after - HOUR) // timedelta(minutes=1)
    assert measured() == ({MONTHS[0]: expected(tier, late, 0, late // 60)} if is_credited else {})


def test_what_came_after_the_months_end_is_late_in_both_and_no_step_counts_twice():
    tier = world.tier(handover_minutes=60, late_credit_percent=1)
    begin = FEBRUARY - 6 * HOUR
    come(booked(begin, 3), FEBRUARY + 5 * HOUR)

    found = measured()

    assert found == {MONTHS[0]: expected(tier, 300, 0, 5), MONTHS[1]: expected(tier, 600, 300, 61)}
    assert sum(found.values()) == expected(tier, 600, 0, 1000)


def test_of_servers_that_failed_one_after_another_the_last_one_stands_for_all():
    world.tier(handover_minutes=60, late_credit_percent=1)
    begin = JANUARY + DAY
    made = booked(begin, 4, count=2)
    come(made, begin, but=[1])
    first = Allocation.objects.get(reservation=made, state="failed")
    last = Allocation.objects.create(
        reservation=made,
        server=factories.server(),
        position=first.position,
        hostname=first.hostname,
        state="failed",
        occupied=Period(begin + HOUR, begin + 4 * DAY).as_range(),
    )

    measured()

    assert SlaCredit.objects.get().server == last.server


def test_a_replacement_that_never_came_is_late_until_the_end():
    tier = world.tier(replacement_minutes=60, late_credit_percent=1)
    made = world.handed_over()
    lost = Allocation.objects.get(reservation=made)
    left_at, end = JANUARY + 4 * DAY, JANUARY + 11 * DAY
    cut = Period(JANUARY + DAY, left_at).as_range()
    Allocation.objects.filter(pk=lost.pk).update(state="released", occupied=cut, turnover=None)
    Allocation.objects.create(
        reservation=made,
        server=factories.server(),
        position=lost.position,
        hostname=lost.hostname,
        state="failed",
        occupied=Period(left_at, end).as_range(),
    )

    hours = 7 * 24 - 1
    assert measured() == {MONTHS[0]: expected(tier, hours * 60, 0, hours, "late_replacement")}


def test_a_booking_that_has_not_begun_and_one_without_a_promise_are_late_with_nothing():
    come(booked(JANUARY + DAY, 4, count=2), JANUARY + DAY, but=[0])
    world.tier()
    with time_machine.travel(JANUARY + 20 * DAY, tick=False):
        factories.servers(1)
        factories.reservation(starts_at=FEBRUARY + 50 * DAY, ends_at=FEBRUARY + 60 * DAY, image=factories.image())

    assert measured() == {}
    assert ServerMonth.objects.count() == 1
