"""The heartbeat keeps lease and fence fresh, and takes the fence away when the lease is lost."""

import time

import pytest
import time_machine

from portal.operations.models import Operation
from portal.operations.selectors import lost_claims
from portal.operations.services import claims
from provisioning import claim as claim_module
from provisioning.claim import held
from provisioning.fence import FenceUnreadable, read_fence
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def claim(settings):
    # A beat each 3 s; a busy machine may stall for twice that before the lease is lost for want of a beat.
    settings.METALYARD_LEASE_SECONDS = 9
    factories.server()
    reservation = factories.reservation(starts_at=None)
    operation = Operation.objects.get(subject=reservation.public_id)
    return claims.take(operation_pk=operation.pk, worker="w1")


def until(condition, limit_s=30):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_the_lease_outlives_its_first_end(claim, tmp_path):
    fence = tmp_path / "fence.json"

    with held(claim) as lease, lease.fenced(fence):
        first = read_fence(fence)
        outlived = until(lambda: time.time() > first.expires_at and read_fence(fence).expires_at > time.time())

    assert outlived
    assert first.epoch == claim.epoch


def test_a_lost_lease_takes_the_fence_away_and_says_so(claim, tmp_path):
    fence = tmp_path / "fence.json"

    with held(claim) as lease, lease.fenced(fence):
        Operation.objects.filter(pk=claim.operation_pk).update(epoch=claim.epoch + 1)
        told = lease.lost.wait(30)
        with pytest.raises(FenceUnreadable):
            read_fence(fence)

    assert told
    assert Operation.objects.get(pk=claim.operation_pk).claimed_by == "w1", "what is lost is not ours to give back"


def test_the_fence_is_gone_before_anybody_hears_that_the_lease_is_lost(claim, tmp_path, monkeypatch):
    fence, dropped = tmp_path / "fence.json", []

    with held(claim) as lease, lease.fenced(fence):
        monkeypatch.setattr(claim_module, "drop_fence", lambda path: dropped.append(lease.lost.is_set()))
        Operation.objects.filter(pk=claim.operation_pk).update(epoch=claim.epoch + 1)
        assert lease.lost.wait(30)

    assert dropped == [False]


def test_the_claim_is_given_back_at_the_end(claim):
    with held(claim):
        assert Operation.objects.get(pk=claim.operation_pk).claimed_by == "w1"

    assert Operation.objects.get(pk=claim.operation_pk).claimed_by == ""


def test_after_an_error_the_claim_is_kept_until_the_sweep_takes_it_away(claim):
    """Given back, its parts would stay at work with nobody working on them."""
    with pytest.raises(OSError, match="disk full"), held(claim):
        raise OSError("disk full")

    operation = Operation.objects.get(pk=claim.operation_pk)
    assert operation.claimed_by == "w1"
    with time_machine.travel(operation.claim_expires_at, tick=False):
        assert list(lost_claims()) == [operation]
