"""A server that leaves the pool is replaced long before the start: by a free one, or by a spare that is none then."""

from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import POOL_STATES, Server, ServerType
from portal.fleet.services import quarantine
from portal.fleet.states import ServerState
from portal.operations.models import OperationEvent
from portal.reservations.models import Allocation, Placement, Reservation
from portal.reservations.services.rebind import rebind_broken
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import AllocationState, ReservationState
from tests import factories
from tests.reservations.calendars import bare_reservation, occupy, snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]


def breaks(server):
    quarantine(actor=SYSTEM, server=server, reason="fans")


def test_another_free_server_takes_its_place_for_the_same_time():
    old = factories.server()
    reservation = factories.reservation(name="train")
    before = reservation.allocations.get()
    new = factories.server()
    breaks(old)

    assert rebind_broken() == 1

    now = reservation.allocations.get()
    assert (now.pk, now.server, now.occupied, now.turnover) == (before.pk, new, before.occupied, before.turnover)
    row = AuditEvent.objects.latest("pk")
    assert (row.verb, row.target) == ("allocation.server_replaced", now.public_id)
    assert row.data == {"old": old.public_id, "new": new.public_id, "old_state": "quarantined"}
    assert OperationEvent.objects.latest("pk").message == "train-01 was replaced by another server before the start."
    assert rebind_broken() == 0


def test_a_hold_gets_another_server_too():
    old = factories.server()
    factories.hold()
    new = factories.server()
    breaks(old)

    assert rebind_broken() == 1
    assert Allocation.objects.get().server == new


def test_a_spare_that_is_used_is_a_spare_no_more_and_is_used_last():
    old = factories.server()
    reservation = factories.reservation()
    spare, other_spare = factories.servers(2, is_spare=True)
    breaks(old)

    assert rebind_broken() == 1

    assert reservation.allocations.get().server == spare
    assert list(Server.objects.filter(is_spare=True)) == [other_spare]
    free = factories.server()
    breaks(spare)
    assert rebind_broken() == 1
    assert reservation.allocations.get().server == free


def test_a_promised_fabric_is_kept_and_without_a_place_in_it_all_stays():
    old = factories.server()
    reservation = factories.reservation()
    far = factories.server(in_fabric=factories.fabric("B"))
    factories.server(in_fabric=factories.fabric("B"), is_spare=True)
    breaks(old)
    before = snapshot()

    assert rebind_broken() == 0
    assert snapshot() == before

    Reservation.objects.update(placement=Placement.ANY)
    assert rebind_broken() == 1
    assert reservation.allocations.get().server == far


def test_a_spare_that_is_booked_then_stays_a_spare():
    old = factories.server()
    reservation = factories.reservation()
    spare = factories.server(is_spare=True)
    held = bare_reservation(ReservationState.SCHEDULED, period=reservation.period)
    occupy(held, spare, 0, 10_000)
    breaks(old)

    assert rebind_broken() == 0
    assert Server.objects.get(pk=spare.pk).is_spare


@pytest.mark.parametrize("state", sorted(set(ReservationState) - {ReservationState.HELD, ReservationState.SCHEDULED}))
def test_only_what_is_to_come_is_given_another_server(state):
    old = factories.server()
    factories.server()
    held = occupy(bare_reservation(state), old, 10, 20)
    if state not in (ReservationState.PROVISIONING, ReservationState.ACTIVE):
        Allocation.objects.update(state=AllocationState.RELEASED)
    breaks(old)

    assert rebind_broken() == 0
    held.refresh_from_db()
    assert held.server == old


def test_what_is_due_is_left_to_its_start(noon):
    old = factories.server()
    reservation = factories.reservation()
    spare = factories.server(is_spare=True)
    breaks(old)
    noon.move_to(reservation.span.start - timedelta(minutes=22))
    assert rebind_broken() == 0
    noon.move_to(reservation.span.start - timedelta(minutes=20))

    assert begin_provisioning(actor=SYSTEM, reservation=reservation) is not None

    assert reservation.allocations.get().server == spare
    assert not Server.objects.get(pk=spare.pk).is_spare
    assert clock.now() < reservation.span.start


@pytest.mark.parametrize("state", sorted(set(ServerState) - {ServerState.AVAILABLE}))
def test_only_what_left_the_pool_is_broken(state):
    old = factories.server()
    reservation = factories.reservation()
    new = factories.server()
    Server.objects.filter(pk=old.pk).update(state=state)

    assert rebind_broken() == (state not in POOL_STATES)
    assert reservation.allocations.get().server == (old if state in POOL_STATES else new)
    Server.objects.filter(pk=old.pk).update(state=ServerState.AVAILABLE)


def test_other_times_of_the_type_do_not_matter_to_what_is_booked(noon):
    old = factories.server()
    reservation = factories.reservation()
    upper = reservation.allocations.get().occupied.upper
    new = factories.server()
    breaks(old)
    ServerType.objects.update(cleanup_time=timedelta(hours=3))
    noon.move_to(reservation.span.start)

    assert begin_provisioning(actor=SYSTEM, reservation=reservation) is not None

    assert (reservation.allocations.get().server, reservation.allocations.get().occupied.upper) == (new, upper)
