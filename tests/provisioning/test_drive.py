"""Driving an operation, with the real runner and playbooks: the metal is what is faked, here by its absence."""

from datetime import timedelta

import certifi
import pytest
from django.db import connection

from portal.core import clock
from portal.core.errors import ClaimLost
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import BootToken, Operation, OperationEvent, OperationServer
from portal.operations.selectors import parts_of
from portal.operations.services import claims
from portal.operations.states import OperationState, PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.replacing import replacements_left
from portal.reservations.states import AllocationState, ReservationState
from provisioning.catalogue import CATALOGUE, AwaitStep
from provisioning.claim import held
from provisioning.drive import drive, fail, replace
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operation(settings):
    # Moving ports has tests of its own.
    settings.METALYARD_NETWORKS = False
    settings.METALYARD_BMC_TIMEOUT_S = 1
    settings.METALYARD_BMC_CA_FILE = certifi.where()
    factories.servers(2)
    reservation = factories.reservation(starts_at=None, count=2)
    return Operation.objects.get(subject=reservation.public_id)


def awaiting(kind, purpose):
    """Return the index of the step at which an operation waits for the report on a boot."""
    steps = enumerate(CATALOGUE[kind].steps)
    return next(index for index, step in steps if isinstance(step, AwaitStep) and step.purpose == purpose)


IMAGE, FIRST_BOOT = awaiting("deploy", "image"), awaiting("deploy", "first_boot")


def told(operation):
    return list(OperationEvent.objects.filter(subject=operation.subject).values_list("type", flat=True))


def at_step(operation, index, state=PartState.AWAITING):
    """Put every part at a step, as if the steps before had been done."""
    operation.parts.update(step=index, state=state, state_deadline_at=clock.now() + timedelta(hours=1))
    Server.objects.filter(parts__operation=operation).update(state=ServerState.DEPLOYING)


def boot_of(part, purpose, **fields):
    return BootToken.objects.create(
        part=part,
        purpose=purpose,
        token_sha256=f"{part.pk:064d}",
        expires_at=clock.now() + timedelta(hours=1),
        **fields,
    )


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


def failing(operation, step=FIRST_BOOT, purpose="first_boot", code="agent_error"):
    """Put every part at the wait for a boot, which the first one reports to have failed."""
    at_step(operation, step)
    first, _second = operation.parts.order_by("position")
    # Long enough ago that nobody waits for others' reports to share a playbook run with.
    reported_at = clock.now() - timedelta(minutes=1)
    boot_of(first, purpose, reported_at=reported_at, result={"ok": False, "error": code, "detail": "no"})
    return first


def test_another_server_takes_the_place_of_one_that_failed(operation):
    spare = factories.servers(1)[0]
    failed = failing(operation)

    drive(operation.pk, "w1")

    reservation = Reservation.objects.get(public_id=operation.subject)
    instead = operation.parts.get(server=spare)
    rows = reservation.allocations.filter(hostname=failed.hostname).order_by("pk")
    assert (instead.hostname, instead.position) == (failed.hostname, 2)
    # Its own controller is not there either; it is the last one that this operation may take.
    assert [(row.server_id, row.state) for row in rows] == [
        (failed.server_id, AllocationState.FAILED),
        (spare.pk, AllocationState.FAILED),
    ]
    assert (instead.error_code, Server.objects.get(pk=spare.pk).state) == ("bmc_unreachable", ServerState.DEPLOY_FAILED)
    assert Server.objects.get(pk=failed.server_id).state == ServerState.DEPLOY_FAILED
    replaced = OperationEvent.objects.get(type="server.replaced")
    assert (replaced.hostname, replaced.server_id) == (failed.hostname, failed.server_id)
    assert set(operation.parts.filter(position=1).values_list("state", flat=True)) == {PartState.AWAITING}


def test_the_one_that_takes_its_place_is_kept_until_the_end(operation):
    spare = factories.servers(1)[0]
    failing(operation)

    drive(operation.pk, "w1")

    reservation = Reservation.objects.get(public_id=operation.subject)
    row = reservation.allocations.get(server=spare)
    span = reservation.allocations.get(position=1).occupied
    assert (row.occupied.upper, row.position) == (span.upper, 0)
    assert row.turnover.upper == span.upper


def test_for_want_of_another_server_the_others_go_on_without_it(operation):
    failed = failing(operation)

    drive(operation.pk, "w1")

    assert operation.parts.count() == 2
    assert "server.replaced" not in told(operation)
    assert operation.parts.get(pk=failed.pk).state == PartState.FAILED
    assert Server.objects.filter(state=ServerState.DEPLOYING).count() == 1


def test_what_would_fail_on_every_server_takes_no_other(operation):
    spare = factories.servers(1)[0]
    failing(operation, IMAGE, "image", "disk_too_small")

    drive(operation.pk, "w1")

    assert set(operation.parts.values_list("error_code", flat=True)) == {"disk_too_small", ""}
    assert not Allocation.objects.filter(server=spare).exists()
    assert Server.objects.get(pk=spare.pk).state == ServerState.AVAILABLE


def test_a_worker_that_lost_its_claim_takes_no_other_server(operation):
    spare = factories.servers(1)[0]
    failed = failing(operation)
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    with held(claim) as lease:
        fail(lease, parts_of(operation).get(pk=failed.pk), "agent_error")
        Operation.objects.filter(pk=operation.pk).update(epoch=claim.epoch + 1)
        with pytest.raises(ClaimLost):
            replace(lease, operation, list(parts_of(operation)))

    assert not Allocation.objects.filter(server=spare).exists()
    assert "server.replaced" not in told(operation)


@pytest.mark.parametrize(
    ("servers", "taken", "left"), [(1, 0, 1), (1, 1, 0), (2, 0, 1), (8, 1, 1), (64, 0, 9), (64, 9, 0)]
)
def test_so_many_may_be_replaced(servers, taken, left):
    names = [f"gpu-{number % servers}" for number in range(servers + taken)]

    assert replacements_left([OperationServer(hostname=name) for name in names]) == left
