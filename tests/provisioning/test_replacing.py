"""Another server in the place of one that failed while it was prepared."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.errors import ClaimLost
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.models import Operation, OperationEvent, OperationServer
from portal.operations.selectors import parts_of
from portal.operations.services import claims
from portal.operations.states import PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.replacing import replacements_left
from portal.reservations.states import AllocationState
from provisioning.claim import held
from provisioning.drive import drive, fail, replace
from tests import factories
from tests.provisioning.driving import FIRST_BOOT, IMAGE, at_step, boot_of, operation, told

__all__ = ["operation"]

pytestmark = pytest.mark.django_db(transaction=True)


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


@pytest.mark.parametrize(
    ("step", "purpose", "code"),
    [(IMAGE, "image", "disk_too_small"), (FIRST_BOOT, "first_boot", "ssh_wrong_hostname")],
)
def test_what_would_fail_on_every_server_takes_no_other(operation, step, purpose, code):
    spare = factories.servers(1)[0]
    failing(operation, step, purpose, code)

    drive(operation.pk, "w1")

    assert set(operation.parts.values_list("error_code", flat=True)) == {code, ""}
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
