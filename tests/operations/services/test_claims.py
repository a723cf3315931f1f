"""One worker at a time: whoever lost its claim writes nothing more."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.errors import ClaimLost
from portal.operations.models import BootToken, Operation, OperationEvent, OperationServer
from portal.operations.selectors import events_of
from portal.operations.services import claims, steps
from portal.operations.services.claims import Claim, give_back, guard, renew, take, take_away
from portal.operations.states import OPEN_OPERATION, OperationState, PartState
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def rows():
    models = (OperationServer, BootToken, OperationEvent)
    return [*snapshot(), *(list(model.objects.order_by("pk").values()) for model in models)]


def lose(operation):
    return take_away(operation_pk=operation.pk, may_repeat=True, attempts=3)


def test_a_claim_is_a_lease_with_a_higher_epoch(operation, settings):
    claim = take(operation_pk=operation.pk, worker="w1")

    operation.refresh_from_db()
    lease = timedelta(seconds=settings.METALYARD_LEASE_SECONDS)
    assert claim == Claim(operation.pk, 1, "w1", clock.now() + lease)
    assert (operation.state, operation.epoch) == (OperationState.RUNNING, 1)
    assert (operation.claimed_by, operation.claim_expires_at) == ("w1", claim.expires_at)


def test_what_is_held_is_not_taken_even_after_its_lease(noon, operation, claim):
    """Until the sweep has taken it away: what its worker left half done is dealt with first."""
    assert take(operation_pk=operation.pk, worker="w2") is None
    noon.move_to(claim.expires_at + HOUR)

    assert take(operation_pk=operation.pk, worker="w2") is None
    assert Operation.objects.get().claimed_by == "w1"


def test_what_was_given_back_is_taken_again(operation, claim):
    give_back(claim=claim)

    again = take(operation_pk=operation.pk, worker="w2")

    assert (again.epoch, again.worker) == (2, "w2")


@pytest.mark.parametrize("state", sorted(set(OperationState) - {OperationState.QUEUED, OperationState.RUNNING}))
def test_only_what_waits_or_runs_is_taken(operation, state):
    Operation.objects.update(state=state)
    before = rows()

    assert take(operation_pk=operation.pk, worker="w1") is None
    assert rows() == before


def test_what_is_not_due_or_overdue_is_not_taken(noon, operation):
    Operation.objects.update(not_before=clock.now() + SECOND)
    assert take(operation_pk=operation.pk, worker="w1") is None
    noon.shift(SECOND)
    claim = take(operation_pk=operation.pk, worker="w1")
    give_back(claim=claim)
    noon.move_to(Operation.objects.get().state_deadline_at + SECOND)

    assert take(operation_pk=operation.pk, worker="w1") is None


def test_a_lease_is_prolonged_until_it_has_ended(noon, operation, claim):
    noon.move_to(claim.expires_at - SECOND)
    renewed = renew(claim=claim)
    assert renewed == Operation.objects.get().claim_expires_at > claim.expires_at

    noon.move_to(renewed)

    assert renew(claim=claim) is None
    assert Operation.objects.get().claim_expires_at == renewed


@pytest.mark.parametrize("change", [{"epoch": 2}, {"claimed_by": "w2"}])
def test_a_lost_claim_is_not_prolonged_nor_given_back(operation, claim, change):
    Operation.objects.update(**change)
    before = rows()

    assert renew(claim=claim) is None
    give_back(claim=claim)
    assert rows() == before


WRITES = {
    "guard": lambda claim, _: guard(claim),
    "issue_boots": lambda claim, pk: steps.issue_boots(claim=claim, part_pks=[pk], purpose="image", valid_for=HOUR),
    "begin_work": lambda claim, pk: steps.begin_work(claim=claim, part_pks=[pk], stage="installer", time_limit=HOUR),
    "begin_await": lambda claim, pk: steps.begin_await(claim=claim, part_pks=[pk], stage="image", time_limit=HOUR),
    "wait_until": lambda claim, pk: steps.wait_until(claim=claim, part_pks=[pk], until=clock.now()),
    "finish_steps": lambda claim, pk: steps.finish_steps(claim=claim, part_pks=[pk], stage="installer"),
    "retry_step": lambda claim, pk: steps.retry_step(claim=claim, part_pk=pk, error_code="run_failed", attempts=2),
    "repeat_step": lambda claim, pk: steps.repeat_step(claim=claim, part_pks=[pk], reason="another failed"),
    "fail_part": lambda claim, pk: steps.fail_part(claim=claim, part_pk=pk, error_code="run_failed"),
    "succeed_part": lambda claim, pk: steps.succeed_part(claim=claim, part_pk=pk, event_type="server.ready"),
    "finish": lambda claim, _: steps.finish(claim=claim),
}


LOST = ("state", "epoch", "claimed_by", "claim_expires_at")


def losses():
    """Return the ways to lose a claim, by name."""
    return {
        "another took over": {"epoch": 2, "claimed_by": "w2"},
        "the same worker took over": {"epoch": 2},
        "another of the same epoch": {"claimed_by": "w2"},
        "it was given back": {"claimed_by": "", "claim_expires_at": None},
        "the lease ended at this instant": {"claim_expires_at": clock.now()},
        "the operation was cancelled": {"state": "cancelled", "epoch": 2, "claimed_by": "", "claim_expires_at": None},
    }


def test_every_write_for_an_operation_is_known_here():
    public = {
        name
        for name, thing in vars(steps).items()
        if callable(thing) and "claim" in getattr(thing, "__annotations__", {})
    }
    assert public | {"guard"} == set(WRITES)


@pytest.mark.parametrize("write", WRITES)
def test_whoever_lost_its_claim_writes_nothing(operation, claim, write):
    part = operation.parts.first()
    state = PartState.READY if write in ("begin_work", "begin_await", "succeed_part") else PartState.WORKING
    OperationServer.objects.update(state=PartState.AWAITING if write == "wait_until" else state)
    held = Operation.objects.values(*LOST).get()

    for how, change in losses().items():
        Operation.objects.update(**{**held, **change})
        before = rows()
        with pytest.raises(ClaimLost):
            WRITES[write](claim, part.pk)
        assert rows() == before, how


@pytest.mark.parametrize("write", WRITES)
def test_control_whoever_holds_it_writes(operation, claim, write):
    part = operation.parts.first()
    state = PartState.READY if write in ("begin_work", "begin_await", "succeed_part") else PartState.WORKING
    OperationServer.objects.update(state=PartState.AWAITING if write == "wait_until" else state)
    before = rows()

    WRITES[write](claim, part.pk)

    assert (rows() == before) == (write == "guard")


def test_a_lost_workers_parts_are_ready_again_and_the_rest_stays(noon, operation, claim):
    first, second = operation.parts.order_by("position")
    OperationServer.objects.filter(pk=first.pk).update(state=PartState.WORKING, step=2, step_attempts=1)
    OperationServer.objects.filter(pk=second.pk).update(state=PartState.AWAITING)
    noon.move_to(claim.expires_at)

    assert lose(operation) == OperationState.QUEUED

    operation.refresh_from_db()
    assert (operation.attempts, operation.epoch, operation.claimed_by) == (1, 2, "")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.step, second.state) == (PartState.READY, 2, PartState.AWAITING)
    assert events_of(operation.subject).last().type == "operation.requeued"
    assert take(operation_pk=operation.pk, worker="w2").epoch == 3


def test_a_claim_that_was_renewed_stays(noon, operation, claim):
    noon.move_to(claim.expires_at - SECOND)
    before = rows()

    assert lose(operation) == OperationState.RUNNING
    assert rows() == before


@pytest.mark.parametrize("state", sorted(set(OperationState) - set(OPEN_OPERATION)))
def test_what_is_closed_is_not_taken_away(noon, operation, claim, state):
    Operation.objects.update(state=state)
    noon.move_to(claim.expires_at)
    before = rows()

    assert lose(operation) == state
    assert rows() == before


@pytest.mark.parametrize("may_repeat,lost_before", [(True, 2), (False, 0)])
def test_lost_too_often_or_not_repeatable_every_open_part_fails_and_says_why(
    noon, operation, claim, may_repeat, lost_before
):
    first, second = operation.parts.order_by("position")
    OperationServer.objects.filter(pk=first.pk).update(state=PartState.SUCCEEDED)
    OperationServer.objects.filter(pk=second.pk).update(state=PartState.WORKING, verify_key_encrypted="secret")
    boot = BootToken.objects.create(part=second, purpose="image", token_sha256="0" * 64, expires_at=clock.now() + HOUR)
    Operation.objects.update(attempts=lost_before)
    noon.move_to(claim.expires_at)

    take_away(operation_pk=operation.pk, may_repeat=may_repeat, attempts=3)

    operation.refresh_from_db()
    assert (operation.state, operation.claimed_by, operation.epoch) == (OperationState.RUNNING, "", 2)
    first.refresh_from_db()
    second.refresh_from_db()
    boot.refresh_from_db()
    assert first.state == PartState.SUCCEEDED
    assert (second.state, second.error_code, second.verify_key_encrypted) == (PartState.FAILED, "worker_lost", "")
    assert second.state_reason == "The worker was lost too often."
    assert boot.revoked_at == clock.now()
    last = events_of(operation.subject).last()
    assert (last.type, last.hostname) == ("server.failed", second.hostname)
    closing = take(operation_pk=operation.pk, worker="w2")
    assert steps.finish(claim=closing).state == OperationState.FAILED
    assert claims.take(operation_pk=operation.pk, worker="w3") is None
