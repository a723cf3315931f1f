"""What messages, workers and machines left behind is found by query."""

import logging
from datetime import timedelta

import pytest

from portal.core import clock
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationServer
from portal.operations.services import claims
from portal.operations.states import OperationState, PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState
from provisioning import reconcile
from provisioning.catalogue import CATALOGUE
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
AGO = timedelta(hours=10)


@pytest.fixture
def woken(monkeypatch):
    calls = []
    monkeypatch.setattr(reconcile, "wake", calls.append)
    return calls


@pytest.fixture
def operation():
    factories.servers(2)
    reservation = factories.reservation(starts_at=None, count=2)
    return Operation.objects.get(subject=reservation.public_id)


def test_a_lost_wake_up_is_made_good(operation, woken):
    assert reconcile.wake_waiting() == 1
    assert woken == [operation.pk]


def test_what_is_held_or_merely_waits_is_not_woken(operation, woken):
    claims.take(operation_pk=operation.pk, worker="w1")
    assert reconcile.wake_waiting() == 0

    Operation.objects.update(claimed_by="", claim_expires_at=None)
    later = clock.now() + timedelta(hours=1)
    OperationServer.objects.update(state=PartState.AWAITING, state_deadline_at=later)
    assert reconcile.wake_waiting() == 0

    OperationServer.objects.update(state_deadline_at=clock.now() - AGO)
    assert reconcile.wake_waiting() == 1


def test_a_lost_worker_is_replaced_until_the_attempts_are_used_up(operation):
    attempts = CATALOGUE["deploy"].attempts
    for turn in range(attempts):
        claims.take(operation_pk=operation.pk, worker=f"w{turn}")
        OperationServer.objects.update(state=PartState.WORKING)
        Operation.objects.update(claim_expires_at=clock.now() - AGO)
        reconcile.take_lost_claims_away()
        operation.refresh_from_db()
        if turn < attempts - 1:
            assert operation.state == OperationState.QUEUED
            assert set(operation.parts.values_list("state", flat=True)) == {PartState.READY}

    assert set(operation.parts.values_list("state", "error_code")) == {(PartState.FAILED, "worker_lost")}


def test_a_living_claim_is_not_taken_away(operation):
    claims.take(operation_pk=operation.pk, worker="w1")

    assert reconcile.take_lost_claims_away() == 0
    assert Operation.objects.get(pk=operation.pk).claimed_by == "w1"


def test_an_operation_past_its_deadline_ends_with_its_outcome(operation):
    claims.take(operation_pk=operation.pk, worker="w1")
    Operation.objects.update(claimed_by="", claim_expires_at=None, state_deadline_at=clock.now() - AGO)
    Server.objects.update(state=ServerState.DEPLOYING)

    assert reconcile.time_out_operations() == 1

    operation.refresh_from_db()
    assert operation.state == OperationState.TIMED_OUT
    assert set(operation.parts.values_list("error_code", flat=True)) == {"operation_timeout"}
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.DEPLOY_FAILED}
    assert Reservation.objects.get().state == ReservationState.FAILED


@pytest.mark.parametrize(
    "before,after",
    [
        (ServerState.DEPLOYING, ServerState.DEPLOY_FAILED),
        (ServerState.DEPLOY_FAILED, ServerState.QUARANTINED),
        (ServerState.RELEASING, ServerState.RELEASE_FAILED),
        (ServerState.RELEASE_FAILED, ServerState.QUARANTINED),
        (ServerState.INSPECTING, ServerState.INSPECT_FAILED),
    ],
)
def test_an_orphaned_server_moves_to_its_failure(before, after):
    server = factories.server(state=before, state_deadline_at=clock.now() - AGO)

    assert reconcile.overrun_servers() == 1

    server.refresh_from_db()
    assert server.state == after


def test_a_server_that_an_operation_works_on_is_left_to_it(operation):
    Server.objects.update(state=ServerState.DEPLOYING, state_deadline_at=clock.now() - AGO)

    assert reconcile.overrun_servers() == 0
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.DEPLOYING}


def test_a_reservation_begins_its_lead_time_before_its_start_and_not_sooner():
    factories.server()
    reservation = factories.reservation(starts_at=clock.now() + timedelta(hours=2))
    assert reconcile.start_due() == 0

    lead = reservation.server_type.lead_time
    soon = clock.now() + lead - timedelta(seconds=1)
    Reservation.objects.update(period=(soon, soon + timedelta(hours=1)))
    assert reconcile.start_due() == 1

    reservation.refresh_from_db()
    assert reservation.state == ReservationState.PROVISIONING
    assert Operation.objects.get().subject == reservation.public_id


def test_a_reservation_whose_period_is_over_is_ended(operation):
    claims.take(operation_pk=operation.pk, worker="w1")
    Server.objects.update(state=ServerState.IN_USE)
    Allocation.objects.update(state=AllocationState.SERVING)
    past = (clock.now() - AGO, clock.now() - timedelta(seconds=1))
    Reservation.objects.update(state=ReservationState.ACTIVE, period=past)

    assert reconcile.end_due() == 1

    reservation = Reservation.objects.get()
    assert reservation.state == ReservationState.ENDING
    release = Operation.objects.get(kind="release")
    assert release.parts.count() == 2
    assert release.not_before >= Operation.objects.get(kind="deploy").state_changed_at


def test_a_reservation_stuck_in_preparation_is_taken_back(operation):
    Server.objects.update(state=ServerState.DEPLOYING)
    Reservation.objects.update(state_deadline_at=clock.now() - AGO)

    assert reconcile.end_due() == 1

    assert Reservation.objects.get().state == ReservationState.ENDING
    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED


def test_contradictions_are_reported_and_not_repaired(operation, caplog):
    Operation.objects.update(state=OperationState.SUCCEEDED)
    Allocation.objects.update(state=AllocationState.CLEANING)

    with caplog.at_level(logging.ERROR):
        found = reconcile.report_contradictions()

    assert found == 4
    assert caplog.text.count("contradiction:") == 4
    assert set(OperationServer.objects.values_list("state", flat=True)) == {PartState.READY}


def test_a_tenants_system_that_nobody_holds_is_reported(operation, caplog):
    orphan = factories.server(state=ServerState.IN_USE)

    with caplog.at_level(logging.ERROR):
        assert reconcile.report_contradictions() == 1

    assert f"{orphan} is in_use although no reservation holds it" in caplog.text


def test_one_row_that_the_database_refuses_does_not_stop_the_others(caplog):
    """A deadlock, or a constraint that nobody thought of, costs one row one sweep."""
    rows = factories.servers(3)
    seen = []

    def act(server):
        seen.append(server)
        if server == rows[1]:
            Server.objects.filter(pk=server.pk).update(state="lost")

    assert reconcile._each(rows, act) == 3

    assert seen == rows
    assert "left to the next sweep" in caplog.text
