"""Beginning to prepare: in time, with servers that are ready, and never stopped by one that is not."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.selectors import events_of
from portal.operations.services import claims
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind, PartState
from portal.reservations.models import Allocation, Placement, Reservation
from portal.reservations.selectors import contradictions, due_to_start
from portal.reservations.services import lifecycle
from portal.reservations.services.start import START_GRACE, begin_provisioning
from portal.reservations.states import AllocationState, ReservationState
from tests import factories, hands
from tests.reservations.calendars import occupy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def scheduled(count=1, scope=None, **kwargs):
    """Return a reservation that starts in three hours."""
    start = clock.now() + 3 * HOUR
    return factories.reservation(scope, count=count, starts_at=start, ends_at=start + 5 * HOUR, **kwargs)


def begin(reservation):
    return begin_provisioning(actor=SYSTEM, reservation=reservation)


def told(reservation):
    return [event.type for event in events_of(reservation.public_id)][1:]


def due(noon, reservation, after=timedelta(0)):
    noon.move_to(reservation.span.start - reservation.server_type.lead_time + after)


def of(reservation):
    return list(reservation.allocations.order_by("position"))


def test_preparation_is_queued_with_what_was_reserved(noon):
    factories.servers(2)
    reservation = scheduled(2, user_data="#!/bin/sh\n")
    due(noon, reservation)

    operation = begin(reservation)

    assert (operation.kind, operation.subject) == (OperationKind.DEPLOY, reservation.public_id)
    assert (operation.project, operation.image) == (reservation.project, reservation.image)
    assert (operation.ssh_keys, operation.user_data) == (reservation.ssh_keys, "#!/bin/sh\n")
    parts = [(part.server, part.hostname, part.state) for part in operation.parts.order_by("position")]
    assert parts == [(item.server, item.hostname, PartState.READY) for item in of(reservation)]
    assert reservation.state == ReservationState.PROVISIONING
    assert told(reservation) == ["reservation.provisioning"]


def test_it_begins_its_lead_time_before_the_start_and_not_sooner(noon):
    factories.server()
    reservation = scheduled()
    due(noon, reservation, -SECOND)
    assert begin(reservation) is None
    assert not due_to_start().exists()

    noon.shift(SECOND)

    assert list(due_to_start()) == [reservation]
    assert begin(reservation).parts.count() == 1


@pytest.mark.parametrize("state", [state for state in ReservationState if state != ReservationState.SCHEDULED])
def test_only_what_is_scheduled_begins(noon, state):
    factories.server()
    reservation = scheduled()
    due(noon, reservation)
    Reservation.objects.update(state=state)

    assert begin(reservation) is None
    assert not Operation.objects.exists()
    assert not due_to_start().exists()


def test_what_is_over_does_not_begin(noon):
    factories.server()
    reservation = scheduled()
    noon.move_to(reservation.span.end)

    assert begin(reservation) is None
    assert not due_to_start().exists()
    assert Reservation.objects.get().state == ReservationState.SCHEDULED


def test_a_server_that_is_not_ready_is_replaced(noon):
    broken, spare = factories.servers(2)
    reservation = scheduled()
    Server.objects.filter(pk=broken.pk).update(state=ServerState.QUARANTINED)
    due(noon, reservation)

    operation = begin(reservation)

    (allocation,) = of(reservation)
    assert allocation.server == operation.parts.get().server == spare
    assert allocation.hostname == operation.parts.get().hostname
    assert told(reservation) == ["reservation.server_replaced", "reservation.provisioning"]


def test_a_server_that_others_work_on_is_replaced(noon):
    busy, spare = factories.servers(2)
    reservation = scheduled()
    queue_operation(actor=SYSTEM, kind=OperationKind.RELEASE, servers=[(busy, "busy")])
    due(noon, reservation)

    assert begin(reservation).parts.get().server == spare


def test_the_replacement_is_held_for_what_is_left_and_not_for_what_is_over(noon):
    """The spare server's last booking, not yet swept, ends after the time from which the broken one was held."""
    broken, spare = factories.servers(2)
    reservation = scheduled()
    due(noon, reservation)
    past = occupy(factories.reservation(), spare, -9, -8)
    Allocation.objects.filter(pk=past.pk).update(
        occupied=Period(clock.now() - HOUR, clock.now() + 600 * SECOND).as_range()
    )
    Server.objects.filter(pk=broken.pk).update(state=ServerState.QUARANTINED)
    noon.shift(600 * SECOND)

    assert begin(reservation).parts.get().server == spare

    end = reservation.span.end + reservation.server_type.cleanup_time
    assert Period.of_range(of(reservation)[0].occupied) == Period(clock.now(), end)


def test_a_replacement_is_free_for_the_whole_of_the_rest(noon):
    broken, spare = factories.servers(2)
    reservation = scheduled()
    other = factories.reservation(starts_at=reservation.span.end + HOUR, ends_at=reservation.span.end + 5 * HOUR)
    Allocation.objects.filter(reservation=other).update(server=spare)
    Allocation.objects.filter(reservation=reservation).update(server=broken)
    Server.objects.filter(pk=broken.pk).update(state=ServerState.QUARANTINED)
    due(noon, reservation)
    start, end = reservation.span.start, reservation.span.end + HOUR
    Reservation.objects.filter(pk=reservation.pk).update(period=(start, end))
    Allocation.objects.filter(reservation=reservation).update(occupied=(start, end), turnover=None)

    assert begin(reservation) is None
    assert of(reservation)[0].server == broken


@pytest.mark.parametrize("placement,replaced", [(Placement.SAME_FABRIC, False), (Placement.ANY, True)])
def test_the_promise_of_one_fabric_binds_the_replacement(noon, placement, replaced):
    broken, _ = factories.servers(2)
    reservation = scheduled(2, placement=placement)
    factories.server(in_fabric=factories.fabric("B"))
    Server.objects.filter(pk=broken.pk).update(state=ServerState.MAINTENANCE)
    due(noon, reservation)

    operation = begin(reservation)

    assert (operation is not None) == replaced
    assert told(reservation)[0] == ("reservation.server_replaced" if replaced else "reservation.start_delayed")


def test_several_are_replaced_by_different_ones(noon):
    broken = factories.servers(2)
    reservation = scheduled(2)
    spares = factories.servers(3)
    Server.objects.filter(pk__in=[server.pk for server in broken]).update(state=ServerState.QUARANTINED)
    due(noon, reservation)

    begin(reservation)

    assert [item.server for item in of(reservation)] == spares[:2]


def being_erased(noon, count=2):
    """Return a reservation that is due, the first of whose servers is still being erased after its last tenant."""
    scope = factories.buyer()
    factories.server()
    last = hands.active(scope, ends_at=clock.now() + HOUR)
    noon.shift(HOUR)
    lifecycle.end_due(actor=SYSTEM, reservation=last)
    factories.servers(count - 1)
    noon.shift(HOUR)
    reservation = scheduled(count, scope)
    erasing = hands.open_operation(last)
    claim = hands.take(erasing)
    assert hands.begin(claim, erasing.parts.get())
    claims.give_back(claim=claim)
    due(noon, reservation)
    return reservation, last


def test_the_start_waits_for_a_server_that_is_still_being_erased_and_says_so_once(noon):
    reservation, _ = being_erased(noon)

    assert begin(reservation) is None
    noon.move_to(reservation.span.start + START_GRACE - SECOND)
    assert begin(reservation) is None

    assert told(reservation) == ["reservation.start_delayed"]
    assert Reservation.objects.get(pk=reservation.pk).state == ReservationState.SCHEDULED
    assert [item.state for item in of(reservation)] == [AllocationState.BOOKED] * 2


def test_the_start_goes_on_once_the_server_is_back(noon):
    reservation, last = being_erased(noon)
    begin(reservation)
    operation = hands.open_operation(last)
    claim = hands.take(operation)
    hands.succeed(claim, operation.parts.get())
    hands.finish(claim, operation)

    assert begin(reservation).parts.count() == 2
    assert hands.work(reservation).degraded is False


def test_after_the_grace_the_others_go_ahead_and_the_reservation_is_degraded(noon):
    """The late server is in another open operation: asking for work on it would be refused by the database."""
    reservation, last = being_erased(noon)
    late = of(reservation)[0].server
    noon.move_to(reservation.span.start + START_GRACE)

    operation = begin(reservation)

    assert [part.server for part in operation.parts.all()] == [of(reservation)[1].server]
    assert [item.state for item in of(reservation)] == [AllocationState.FAILED, AllocationState.BOOKED]
    hands.work(reservation)
    assert (reservation.state, reservation.degraded) == (ReservationState.ACTIVE, True)
    assert reservation.state_reason == "1 of 2 servers failed"
    failed = next(event for event in events_of(reservation.public_id) if event.type == "server.failed")
    assert (failed.server, failed.hostname) == (late, f"{reservation.name}-01")
    assert failed.message == "The server was not free to be deployed."
    assert Server.objects.get(pk=late.pk).state == ServerState.RELEASING, "it is left to those who erase it"
    assert hands.open_operation(last).parts.get().state == PartState.READY
    assert not contradictions().exists()


def test_after_the_grace_with_no_server_at_all_it_fails_and_costs_nothing(noon):
    reservation, _ = being_erased(noon, count=1)
    noon.move_to(reservation.span.start + START_GRACE)

    assert begin(reservation) is None

    assert reservation.state == ReservationState.FAILED
    assert reservation.total.amount == 0
    assert told(reservation) == ["server.failed", "reservation.failed"]
    assert not contradictions().exists()
