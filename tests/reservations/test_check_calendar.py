"""The command that looks whether the calendar is right finds every kind of fault, and mends it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.models import Allocation, FreeSpan, Pool, TimelineStep
from portal.reservations.states import AllocationState
from tests import factories
from tests.reservations.calendars import assert_calendar_is_right, at, bare_reservation, occupy, unnoticed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def check(*options):
    """Return what the command says, and its complaint."""
    out, complaint = StringIO(), None
    try:
        call_command("check_calendar", *options, stdout=out)
    except CommandError as error:
        complaint = error
    assert complaint is None or complaint.returncode == 1
    return out.getvalue().splitlines(), complaint and str(complaint)


@pytest.fixture
def server(noon):
    """Return a server that is held from step 6 to step 12, beside a free one."""
    held, _ = factories.servers(2, with_bmc=False)
    occupy(bare_reservation(), held, 6, 12)
    return held


@pytest.mark.usefixtures("server")
def test_a_calendar_without_faults_is_right():
    assert check() == (["The calendar is right."], None)


def test_an_empty_fleet_is_right():
    assert check() == (["The calendar is right."], None)


def lost_span(server):
    FreeSpan.objects.filter(server_id=server.pk, hi=at(6)).delete()


def promised_twice(server):
    FreeSpan.objects.filter(server_id=server.pk, hi=at(6)).update(hi=at(7))


def unnoticed_booking(server):
    with unnoticed():
        occupy(bare_reservation(), server, 20, 26)


def unnoticed_release(server):
    with unnoticed():
        Allocation.objects.filter(server=server).update(state=AllocationState.RELEASED)


def wrong_pool(server):
    pool = Pool.objects.create(
        server_type=server.server_type, region=server.region, fabric=factories.fabric("B"), is_spare=False
    )
    FreeSpan.objects.filter(server_id=server.pk).update(pool_id=pool.pk)


def wrong_rack(server):
    FreeSpan.objects.filter(server_id=server.pk, hi=at(6)).update(rack_id=server.rack_id + 1)


def span_of_nobody(server):
    FreeSpan.objects.create(server_id=server.pk + 99, pool_id=1, rack_id=1, lo=at(0), hi=at(9))


def lost_step(server):
    TimelineStep.objects.filter(at__gt=clock.now(), at__lt=clock.now() + timedelta(days=2)).first().delete()


def step_too_many(server):
    TimelineStep.objects.create(pool_id=Pool.objects.get().pk, grain=24, at=at(0) + timedelta(hours=12), change=1)


def lost_pool(server):
    Pool.objects.all().delete()


FAULTS = [
    lost_span,
    promised_twice,
    unnoticed_booking,
    unnoticed_release,
    wrong_pool,
    wrong_rack,
    span_of_nobody,
    lost_step,
    step_too_many,
    lost_pool,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found_and_mended(server, fault):
    fault(server)

    lines, complaint = check()
    assert lines
    assert "The calendar is right." not in lines
    assert complaint == f"The calendar has {len(lines)} faults. Run again with --rebuild."
    assert check("--rebuild") == (["The calendar is made anew.", "The calendar is right."], None)

    assert_calendar_is_right()


def test_a_fault_names_the_server_and_its_span(server):
    lost_span(server)
    pool, hour = Pool.objects.get().pk, "2031-03-04 12:00:00+00"

    lines, _ = check()

    end = "2031-03-04 13:00:00+00"
    assert lines[-1] == (
        f"server {server.pk}: free from {hour} to {end} in pool {pool}, rack {server.rack_id} is missing"
    )
    assert f"pool {pool}: the timeline of 1 h changes by 2 at {hour}, the free spans by 1" in lines


def test_what_is_over_is_no_fault(server):
    FreeSpan.objects.filter(server_id=server.pk, hi=at(6)).delete()
    TimelineStep.objects.all().delete()
    Allocation.objects.all().delete()
    check("--rebuild")
    FreeSpan.objects.create(server_id=server.pk + 99, pool_id=1, rack_id=1, lo=at(-9), hi=at(0))

    assert check() == (["The calendar is right."], None)


@pytest.mark.usefixtures("server")
def test_many_faults_are_counted_and_the_first_ones_shown():
    factories.servers(30, with_bmc=False)
    FreeSpan.objects.all().delete()

    lines, complaint = check()

    assert len(lines) == 21
    assert lines[-1] == "... and 21 more"
    # 33 spans, two of them of the server that is held; and 4 changes by the hour, 2 by the day, 2 by the block.
    assert (Server.objects.count(), complaint) == (32, "The calendar has 41 faults. Run again with --rebuild.")
