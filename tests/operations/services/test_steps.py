"""Moving through the steps: what each write leaves on the rows, and what the customer reads of it."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.selectors import events_of
from portal.operations.services import agents, steps
from portal.operations.services.erasing import erase_anew
from portal.operations.states import OPEN_OPERATION, OperationState, PartState
from tests import factories, hands
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SECOND, HOUR, LIMIT = timedelta(seconds=1), timedelta(hours=1), timedelta(minutes=5)


@pytest.fixture
def part(operation):
    return operation.parts.order_by("position").first()


def put(part, **fields):
    OperationServer.objects.filter(pk=part.pk).update(**fields)
    part.refresh_from_db()
    return part


def last(operation):
    return events_of(operation.subject).last()


def begin_work(claim, *parts):
    pks = [part.pk for part in parts]
    return steps.begin_work(claim=claim, part_pks=pks, stage="installer", time_limit=LIMIT)


def test_work_begins_on_what_is_ready(operation, claim):
    first, second = operation.parts.order_by("position")
    put(second, state=PartState.AWAITING)

    (begun,) = begin_work(claim, first, second)

    first.refresh_from_db()
    assert begun == first
    assert (first.state, first.stage, first.step_attempts) == (PartState.WORKING, "installer", 1)
    assert (first.step_started_at, first.state_deadline_at) == (clock.now(), clock.now() + LIMIT)
    assert (last(operation).type, last(operation).hostname) == ("step.installer.started", first.hostname)


def test_the_second_attempt_is_counted_and_its_start_told_once(operation, claim, part):
    begin_work(claim, part)
    steps.retry_step(claim=claim, part_pk=part.pk, error_code="bmc_timeout", attempts=2)
    assert last(operation).message == (
        "The server's management controller did not answer in time. Trying again (2 of 2)."
    )

    begin_work(claim, part)

    part.refresh_from_db()
    assert (part.state, part.step_attempts) == (PartState.WORKING, 2)
    assert [event.type for event in events_of(operation.subject)].count("step.installer.started") == 1


def test_a_step_that_is_done_makes_the_next_one_ready(noon, operation, claim, part):
    begin_work(claim, part)
    noon.shift(7 * SECOND)

    steps.finish_steps(claim=claim, part_pks=[part.pk], stage="installer")

    part.refresh_from_db()
    assert (part.state, part.step, part.step_attempts, part.percent) == (PartState.READY, 1, 0, 100)
    assert (last(operation).type, last(operation).duration_ms) == ("step.installer.done", 7000)


def test_a_step_in_the_middle_of_its_stage_is_not_told(operation, claim, part):
    begin_work(claim, part)

    steps.finish_steps(claim=claim, part_pks=[part.pk], stage="installer", announce=False)

    assert last(operation).type == "step.installer.started"


def test_waiting_has_a_limit_that_can_be_moved(operation, claim, part):
    put(part, stage="installer", percent=100)
    steps.begin_await(claim=claim, part_pks=[part.pk], stage="image", time_limit=LIMIT)
    part.refresh_from_db()
    assert (part.state, part.stage, part.percent) == (PartState.AWAITING, "image", 0)
    assert part.state_deadline_at == clock.now() + LIMIT

    steps.wait_until(claim=claim, part_pks=[part.pk], until=clock.now() + HOUR)

    part.refresh_from_db()
    assert part.state_deadline_at == clock.now() + HOUR
    put(part, state=PartState.READY)
    steps.wait_until(claim=claim, part_pks=[part.pk], until=clock.now())
    part.refresh_from_db()
    assert part.state_deadline_at == clock.now() + HOUR, "what does not wait has no patience to move"


def test_waiting_within_a_stage_keeps_how_far_it_is(claim, part):
    put(part, stage="first_boot", percent=100)

    steps.begin_await(claim=claim, part_pks=[part.pk], stage="first_boot", time_limit=LIMIT)

    part.refresh_from_db()
    assert part.percent == 100


def boot_of(claim, part, purpose="image"):
    return steps.issue_boots(claim=claim, part_pks=[part.pk], purpose=purpose, valid_for=HOUR)[part.pk]


def test_a_new_boot_ends_the_earlier_ones_of_its_purpose(claim, part):
    boot_of(claim, part)
    boot_of(claim, part, "first_boot")

    boot_of(claim, part)

    valid = BootToken.objects.filter(revoked_at=None).values_list("purpose", flat=True)
    assert sorted(valid) == ["first_boot", "image"]
    assert BootToken.objects.count() == 3
    assert set(BootToken.objects.values_list("expires_at", flat=True)) == {clock.now() + HOUR}


def report(token):
    agents.open_boot(token=token, address="192.0.2.1")
    agents.report_done(token=token, address="192.0.2.1", result={"ok": True})


def test_a_report_that_comes_before_the_playbook_is_done_is_kept(claim, part):
    """A quick machine has imaged itself while the playbook still waits for a slow controller of its batch."""
    begin_work(claim, part)
    report(boot_of(claim, part))

    steps.finish_steps(claim=claim, part_pks=[part.pk], stage="installer")

    assert BootToken.objects.get(purpose="image").revoked_at is None
    steps.begin_await(claim=claim, part_pks=[part.pk], stage="image", time_limit=LIMIT)
    steps.finish_steps(claim=claim, part_pks=[part.pk], stage="image")
    assert BootToken.objects.get(purpose="image").revoked_at == clock.now(), "once it was judged it has said all"


def test_a_boot_that_has_not_reported_outlives_the_wait_for_another(claim, part):
    report(boot_of(claim, part))
    steps.begin_await(claim=claim, part_pks=[part.pk], stage="image", time_limit=LIMIT)

    steps.finish_steps(claim=claim, part_pks=[part.pk], stage="image")

    assert BootToken.objects.get(purpose="first_boot").revoked_at is None


@pytest.mark.parametrize("state", [PartState.READY, PartState.WORKING, PartState.AWAITING])
def test_a_part_that_fails_says_why_and_its_boots_end(operation, claim, part, state):
    boot_of(claim, part)
    put(part, state=state, verify_key_encrypted="secret", state_deadline_at=clock.now())

    steps.fail_part(claim=claim, part_pk=part.pk, error_code="disk_too_small", detail="x" * 1000)

    part.refresh_from_db()
    assert (part.state, part.error_code) == (PartState.FAILED, "disk_too_small")
    assert part.state_reason == last(operation).message == "The server's disk is too small for the OS image."
    assert (part.verify_key_encrypted, part.state_deadline_at) == ("", None)
    assert not BootToken.objects.filter(revoked_at=None).exists()


def test_a_part_that_is_through_ends_its_boots(operation, claim, part):
    boot_of(claim, part)
    put(part, verify_key_encrypted="secret")

    steps.succeed_part(claim=claim, part_pk=part.pk, event_type="server.ready")

    part.refresh_from_db()
    assert (part.state, part.percent, part.verify_key_encrypted) == (PartState.SUCCEEDED, 100, "")
    assert not BootToken.objects.filter(revoked_at=None).exists()
    assert last(operation).type == "server.ready"


@pytest.mark.parametrize("state", [PartState.SUCCEEDED, PartState.FAILED, PartState.CANCELLED])
def test_what_is_final_is_moved_no_more(claim, part, state):
    boot_of(claim, part)
    put(part, state=state)
    before = snapshot(), list(OperationServer.objects.values()), list(BootToken.objects.values())

    for act in (
        lambda: steps.fail_part(claim=claim, part_pk=part.pk, error_code="run_failed"),
        lambda: steps.succeed_part(claim=claim, part_pk=part.pk, event_type="server.ready"),
        lambda: steps.finish_steps(claim=claim, part_pks=[part.pk], stage="image"),
        lambda: steps.begin_await(claim=claim, part_pks=[part.pk], stage="image", time_limit=LIMIT),
    ):
        with pytest.raises(StateConflict):
            act()
    assert begin_work(claim, part) == []
    assert (snapshot(), list(OperationServer.objects.values()), list(BootToken.objects.values())) == before


@pytest.mark.parametrize(
    "states,state,reason",
    [
        ([PartState.SUCCEEDED, PartState.SUCCEEDED], OperationState.SUCCEEDED, ""),
        ([PartState.SUCCEEDED, PartState.FAILED], OperationState.FAILED, "1 of 2 servers failed"),
        ([PartState.FAILED, PartState.FAILED], OperationState.FAILED, "2 of 2 servers failed"),
    ],
)
def test_an_operation_succeeds_only_when_every_server_got_through(operation, claim, states, state, reason):
    for part, part_state in zip(operation.parts.all(), states, strict=True):
        put(part, state=part_state)

    closed = steps.finish(claim=claim)

    assert (closed.state, closed.state_reason) == (state, reason)
    assert (closed.claimed_by, closed.claim_expires_at, closed.finished_at) == ("", None, clock.now())


@pytest.mark.parametrize("state", OPEN_OPERATION)
def test_past_its_deadline_an_operation_ends_and_its_open_parts_fail(noon, operation, state):
    done, left = operation.parts.order_by("position")
    put(done, state=PartState.SUCCEEDED)
    Operation.objects.update(state=state, state_deadline_at=clock.now())
    assert steps.time_out(operation_pk=operation.pk) is None, "the deadline itself is still in time"
    noon.shift(SECOND)

    closed = steps.time_out(operation_pk=operation.pk)

    assert (closed.state, closed.epoch, closed.finished_at) == (OperationState.TIMED_OUT, 1, clock.now())
    parts = operation.parts.order_by("position").values_list("state", "error_code")
    assert list(parts) == [(PartState.SUCCEEDED, ""), (PartState.FAILED, "operation_timeout")]
    assert last(operation).hostname == left.hostname
    assert steps.time_out(operation_pk=operation.pk) is None


@pytest.mark.parametrize("state", sorted(set(OperationState) - set(OPEN_OPERATION)))
def test_what_is_closed_does_not_time_out(operation, state):
    Operation.objects.update(state=state, state_deadline_at=clock.now() - HOUR)
    before = snapshot()

    assert steps.time_out(operation_pk=operation.pk) is None
    assert snapshot() == before


def test_work_for_nobody_is_told_to_nobody():
    server = factories.server(state="quarantined")
    operation = erase_anew(actor=SYSTEM, server=server, reason="looked at")
    claim = hands.take(operation)

    steps.fail_part(claim=claim, part_pk=operation.parts.get().pk, error_code="run_failed")

    assert not events_of("").exists()
