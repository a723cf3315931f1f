"""Spares: held back from sale, as many as a pool should have, and never what is booked."""

from datetime import timedelta

import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InsufficientCapacity, InvalidInput
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.fleet.services import set_spare
from portal.fleet.states import ServerState
from portal.reservations import calendar
from portal.reservations.capacity import Demand, free_count
from portal.reservations.models import Allocation, Pool
from portal.reservations.services.lifecycle import cancel
from portal.reservations.services.spares import set_spares_wanted, spares_wanted, top_up_spares
from portal.reservations.services.start import begin_provisioning
from tests import factories
from tests.racing import Runner, await_blocked, race

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def pool():
    return Pool.objects.get(is_spare=False)


def want(count):
    set_spares_wanted(actor=SYSTEM, pool=pool(), count=count)


def spares():
    return list(Server.objects.filter(is_spare=True).order_by("pk"))


def free():
    period = Period(clock.now() + DAY, clock.now() + 2 * DAY)
    return free_count(Demand(factories.server_type(), factories.region(), 1, period))


def test_without_a_word_from_staff_the_table_says_how_many():
    factories.servers(20)

    assert spares_wanted(pool()) == 4
    assert top_up_spares() == 4
    assert (len(spares()), free()) == (4, 16)
    assert top_up_spares() == 0
    assert AuditEvent.objects.filter(verb="server.held_back").count() == 4


def test_a_small_pool_is_sold_whole():
    factories.servers(9)

    assert top_up_spares() == 0
    assert (spares(), free()) == ([], 9)


def test_staff_says_how_many_and_takes_it_back():
    factories.servers(3)
    want(2)
    event = AuditEvent.objects.get(verb="pool.spares_wanted_set")
    assert event.data == {"pool": str(pool()), "from": None, "to": 2}
    assert top_up_spares() == 2
    assert free() == 1

    want(None)
    assert top_up_spares() == 2
    assert (spares(), free()) == ([], 3)
    assert AuditEvent.objects.filter(verb="server.sold_again").count() == 2


@pytest.mark.parametrize("count", [-1, 4])
def test_a_number_that_cannot_be_is_refused(count):
    factories.servers(3)

    with pytest.raises(InvalidInput) as refused:
        want(count)

    assert [(error.field, error.code) for error in refused.value.errors] == [("count", "out_of_range")]
    assert pool().spares_wanted is None
    assert not AuditEvent.objects.exists()


def test_setting_what_is_set_records_nothing():
    factories.server()
    want(None)
    assert not AuditEvent.objects.exists()


def test_a_retired_server_counts_for_nothing_and_a_broken_one_is_no_spare():
    factories.servers(20)
    factories.server(state=ServerState.RETIRED)
    top_up_spares()
    broken = spares()[0]
    Server.objects.filter(pk=broken.pk).update(state=ServerState.QUARANTINED)

    assert spares_wanted(pool()) == 4
    assert top_up_spares() == 1
    assert [server.state for server in spares()].count(ServerState.AVAILABLE) == 4

    Server.objects.filter(pk=broken.pk).update(state=ServerState.AVAILABLE)
    assert top_up_spares() == 1
    assert len(spares()) == 4


def test_what_is_booked_or_at_work_is_not_held_back():
    booked, working, idle = factories.server(), factories.server(state=ServerState.RELEASING), factories.server()
    reservation = factories.reservation()
    Allocation.objects.update(server=booked)
    want(3)

    assert top_up_spares() == 1
    assert spares() == [idle]

    scope = factories.scope(in_project=reservation.project)
    cancel(scope=scope, actor=scope.actor, reservation=reservation)
    Server.objects.filter(pk=working.pk).update(state=ServerState.AVAILABLE)
    assert top_up_spares() == 2


def test_the_rack_with_the_fewest_free_servers_gives_first():
    home = factories.fabric()
    racks = [factories.Rack.objects.create(region=home.region, name=f"rack-{number}") for number in range(2)]
    full = [factories.server(rack=racks[0]) for _ in range(3)]
    rest = [factories.server(rack=racks[1]) for _ in range(2)]
    want(3)

    assert top_up_spares() == 3
    assert spares() == [full[0], *rest]


def test_spares_are_not_sold_and_take_the_place_of_a_failed_server(noon):
    factories.servers(2)
    want(1)
    top_up_spares()
    (spare,) = spares()
    scope = factories.buyer()
    with pytest.raises(InsufficientCapacity):
        factories.reservation(scope, count=2)
    reservation = factories.reservation(scope, count=1, starts_at=clock.now() + HOUR)
    sold = Allocation.objects.get().server
    Server.objects.filter(pk=sold.pk).update(state=ServerState.QUARANTINED)
    noon.shift(HOUR - reservation.server_type.lead_time)

    begin_provisioning(actor=SYSTEM, reservation=reservation)

    assert Allocation.objects.get().server == spare


@pytest.mark.django_db(transaction=True)
def test_who_books_first_has_the_server_and_it_is_not_held_back():
    server = factories.server()
    want(1)
    scope = factories.buyer()
    with transaction.atomic():
        factories.reservation(scope)
        sweep = Runner(top_up_spares)
        await_blocked(1)

    assert sweep.result() == 0
    assert spares() == []
    assert Allocation.objects.get().server == server
    assert calendar.faults() == []


@pytest.mark.django_db(transaction=True)
def test_the_same_without_looking_again_would_hold_back_a_booked_server():
    """The control of the test above: the service alone marks what is booked."""
    server = factories.server()
    scope = factories.buyer()
    with transaction.atomic():
        factories.reservation(scope)
        marking = Runner(lambda: set_spare(actor=SYSTEM, server=server, is_spare=True))
        await_blocked(1)
    marking.result()

    assert spares() == [server]


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_hold_back_no_more_than_wanted():
    factories.servers(20)

    outcomes = race(4, lambda _: top_up_spares())

    assert sorted(outcomes) == [0, 0, 0, 4]
    assert len(spares()) == 4
