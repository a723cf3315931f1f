"""Driving an operation, with the real runner and playbooks: the metal is what is faked, here by its absence."""

from datetime import timedelta

import pytest
from django.db import connection

from portal.core import clock
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.services import claims
from portal.operations.states import OperationState, PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import AllocationState, ReservationState
from provisioning.catalogue import CATALOGUE
from provisioning.drive import drive
from tests import factories
from tests.provisioning.driving import FIRST_BOOT, IMAGE, at_step, awaiting, boot_of, operation, told

__all__ = ["operation"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_unreachable_controllers_fail_every_server_with_that_reason(operation):
    drive(operation.pk, "w1")

    operation.refresh_from_db()
    reservation = Reservation.objects.get(public_id=operation.subject)
    assert operation.state == OperationState.FAILED
    assert set(operation.parts.values_list("state", "error_code")) == {(PartState.FAILED, "bmc_unreachable")}
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.DEPLOY_FAILED}
    assert reservation.state == ReservationState.FAILED
    assert set(reservation.allocations.values_list("state", flat=True)) == {AllocationState.FAILED}
    assert told(operation).count("step.retried") == 2
    assert told(operation)[-1] == "reservation.failed"


def test_a_server_that_is_not_free_fails_alone_and_is_left_as_it_was(operation):
    first, second = operation.parts.order_by("position")
    Server.objects.filter(pk=first.server_id).update(state=ServerState.QUARANTINED)

    drive(operation.pk, "w1")

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.error_code, second.error_code) == ("server_not_ready", "bmc_unreachable")
    assert Server.objects.get(pk=first.server_id).state == ServerState.QUARANTINED


def test_an_operation_that_somebody_holds_is_left_alone(operation):
    claims.take(operation_pk=operation.pk, worker="w1")
    before = list(operation.parts.values())

    drive(operation.pk, "w2")

    operation.refresh_from_db()
    assert (operation.claimed_by, operation.epoch) == ("w1", 1)
    assert list(operation.parts.values()) == before


def test_waiting_holds_no_worker(operation):
    at_step(operation, IMAGE, PartState.READY)

    drive(operation.pk, "w1")

    operation.refresh_from_db()
    assert (operation.state, operation.claimed_by) == (OperationState.RUNNING, "")
    assert set(operation.parts.values_list("state", flat=True)) == {PartState.AWAITING}


def test_one_silent_machine_does_not_stop_the_other(operation):
    at_step(operation, FIRST_BOOT)
    silent, other = operation.parts.order_by("position")
    boot_of(silent, "first_boot")
    boot_of(
        other,
        "first_boot",
        reported_at=clock.now(),
        result={"ok": True, "hostname": other.hostname, "host_keys": [factories.KEY]},
    )
    silent.step_started_at = clock.now() - timedelta(hours=1)
    silent.save(update_fields=["step_started_at"])

    drive(operation.pk, "w1")

    silent.refresh_from_db()
    other.refresh_from_db()
    assert silent.error_code == "no_phone_home"
    assert other.step == FIRST_BOOT + 1
    assert other.host_keys == [factories.KEY]


@pytest.mark.parametrize(("age_s", "step"), [(0, FIRST_BOOT), (11, FIRST_BOOT + 1)])
def test_reports_that_come_together_share_a_run(age_s, step, operation):
    at_step(operation, FIRST_BOOT)
    to_come, other = operation.parts.order_by("position")
    boot_of(to_come, "first_boot")
    told = {"ok": True, "hostname": other.hostname, "host_keys": [factories.KEY]}
    boot_of(other, "first_boot", reported_at=clock.now() - timedelta(seconds=age_s), result=told)

    drive(operation.pk, "w1")

    # What came just now waits for the others; what waits already is not kept for one that is late.
    assert [part.step for part in operation.parts.order_by("position")] == [FIRST_BOOT, step]
    assert operation.parts.get(pk=to_come.pk).error_code == ""


def test_a_failed_release_quarantines(operation):
    Operation.objects.filter(pk=operation.pk).update(kind="release")
    at_step(operation, awaiting("release", "erase"))
    Server.objects.update(state=ServerState.RELEASING)
    Allocation.objects.update(state=AllocationState.CLEANING)
    for part in operation.parts.all():
        boot_of(
            part,
            "erase",
            opened_at=clock.now(),
            reported_at=clock.now(),
            result=factories.said_of_drives(
                factories.drive_report(part.server.drives.get(), bytes_verified=factories.DISK_BYTES - 4096)
            ),
        )

    drive(operation.pk, "w1")

    assert set(operation.parts.values_list("error_code", flat=True)) == {"erase_unproved"}
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.QUARANTINED}
    server = Server.objects.first()
    flaw = f"{server.drives.get().serial}: {factories.DISK_BYTES - 4096} of {factories.DISK_BYTES} bytes were read back"
    assert flaw in server.state_reason
    assert server.erasures.get().bytes_verified == factories.DISK_BYTES - 4096


def test_a_worker_that_lost_its_claim_writes_nothing(operation, monkeypatch):
    """The control of the fence: the claim is taken away between two of the worker's writes."""
    at_step(operation, IMAGE)
    for part in operation.parts.all():
        boot_of(part, "image", opened_at=clock.now(), reported_at=clock.now(), result={"ok": False, "error": "x"})
    seen = []

    def lose(*args, **kwargs):
        if not seen:
            Operation.objects.filter(pk=operation.pk).update(epoch=99)
        seen.append(1)
        return guard(*args, **kwargs)

    guard = claims.guard
    monkeypatch.setattr("portal.operations.services.steps.guard", lose)

    drive(operation.pk, "w1")

    assert seen
    assert set(operation.parts.values_list("state", flat=True)) == {PartState.AWAITING}


def test_the_claim_is_given_back(operation):
    at_step(operation, IMAGE)

    drive(operation.pk, "w1")
    drive(operation.pk, "w2")

    operation.refresh_from_db()
    assert (operation.claimed_by, operation.epoch) == ("", 2)


def test_steps_that_are_done_end_the_operation(operation):
    at_step(operation, len(CATALOGUE["deploy"].steps), PartState.READY)

    drive(operation.pk, "w1")

    operation.refresh_from_db()
    reservation = Reservation.objects.get(public_id=operation.subject)
    assert operation.state == OperationState.SUCCEEDED
    assert (reservation.state, reservation.degraded) == (ReservationState.ACTIVE, False)
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.IN_USE}
    assert connection.in_atomic_block is False
