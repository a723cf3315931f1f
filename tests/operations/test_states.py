"""The tables of operations and parts fit together, and the sweep finds what contradicts them."""

from datetime import timedelta
from itertools import product

import pytest

from portal.core import clock
from portal.core.states import Nature
from portal.operations import selectors
from portal.operations.event_types import EVENT_TYPES
from portal.operations.failures import FAILURES, explain
from portal.operations.models import Operation, OperationServer
from portal.operations.services import claims
from portal.operations.stages import STAGES, position
from portal.operations.states import (
    OPEN_OPERATION,
    OPEN_PART,
    OPERATION,
    PART,
    PARTS_OF,
    OperationKind,
    OperationState,
    PartState,
)
from provisioning import reconcile
from provisioning.catalogue import CATALOGUE

FINAL_OPERATION, FINAL_PART = OPERATION.named(Nature.FINAL), PART.named(Nature.FINAL)


def test_every_state_is_in_its_table():
    assert set(OPERATION.states) == set(OperationState) == set(PARTS_OF)
    assert set(PART.states) == set(PartState)


def test_open_is_what_is_not_final():
    assert set(OPEN_OPERATION) == set(OperationState) - set(FINAL_OPERATION)
    assert set(OPEN_PART) == set(PartState) - set(FINAL_PART)


@pytest.mark.parametrize("table", [OPERATION, PART])
def test_every_open_state_has_a_deadline_and_can_fail_or_end(table):
    for state in table.states.values():
        if state.nature is not Nature.FINAL:
            assert state.nature is Nature.WORKING
            assert table.reachable(state.name) & set(table.named(Nature.FINAL))


@pytest.mark.parametrize("state", FINAL_OPERATION)
def test_a_closed_operation_has_no_open_part(state):
    assert set(PARTS_OF[state]) <= set(FINAL_PART)


@pytest.mark.parametrize("state", OperationState)
def test_from_one_state_to_the_next_the_open_parts_can_follow(state):
    for after in OPERATION.states[state].then:
        for part in set(PARTS_OF[state]) & set(OPEN_PART):
            assert PART.reachable(part) & set(PARTS_OF[after]), (state, after, part)


@pytest.mark.django_db
def test_a_contradiction_is_what_the_table_does_not_allow(operation):
    parts = list(OperationServer.objects.order_by("pk"))

    for state, part_state in product(OperationState, PartState):
        Operation.objects.update(state=state)
        OperationServer.objects.update(state=part_state)
        expected = [] if part_state in PARTS_OF[state] else parts
        assert list(selectors.contradictions()) == expected, (state, part_state)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state,is_held",
    [(state, held) for state in OPEN_OPERATION for held in (False, True) if (state, held) != ("queued", True)],
)
def test_every_open_operation_far_past_its_times_is_ended_by_the_sweep(operation, state, is_held):
    """Lost claims are taken away, deadlines end the rest; what is claimed is no longer queued."""
    long_ago = clock.now() - timedelta(days=9)
    held = {"claimed_by": "w1", "claim_expires_at": long_ago} if is_held else {}
    Operation.objects.update(state=state, state_deadline_at=long_ago, **held)
    OperationServer.objects.update(state=PARTS_OF[state][0], state_deadline_at=long_ago)

    for _ in range(2):
        reconcile.take_lost_claims_away()
        Operation.objects.update(state_deadline_at=long_ago)
        reconcile.time_out_operations()

    operation.refresh_from_db()
    assert (operation.state, operation.claimed_by) == (OperationState.TIMED_OUT, "")
    assert {part.error_code for part in operation.parts.all()} == {"operation_timeout"}
    assert not selectors.contradictions().exists()


@pytest.mark.django_db
@pytest.mark.parametrize("part_state", OPEN_PART)
def test_every_open_part_is_found_by_a_sweep_once_its_time_is_over(operation, part_state):
    """A worker that holds it dies, or its deadline wakes one: nothing waits for ever."""
    long_ago = clock.now() - timedelta(days=9)
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    OperationServer.objects.update(state=part_state, state_deadline_at=long_ago)
    if part_state == PartState.WORKING:
        Operation.objects.update(claim_expires_at=long_ago)
        assert list(selectors.lost_claims()) == [operation]
    else:
        claims.give_back(claim=claim)
        assert list(selectors.waiting_operations()) == [operation]


def test_stages_are_the_catalogues_in_order():
    for kind in OperationKind:
        names = [stage.name for stage in STAGES[kind]]
        used = [position(kind, step.stage.name) for step in CATALOGUE[kind].steps]
        assert used == sorted(used)
        assert len(set(names)) == len(names)


def test_every_failure_is_a_sentence_and_an_unknown_code_reads_as_ours():
    assert all(text[0].isupper() and text.endswith(".") for text in FAILURES.values())
    assert explain("disk_too_small") == FAILURES["disk_too_small"]
    assert explain("what?") == explain("") == FAILURES["run_failed"]


def test_every_stage_of_the_catalogue_has_its_sentences():
    for work in CATALOGUE.values():
        assert work.done_event in EVENT_TYPES
        for step in work.steps:
            assert f"step.{step.stage.name}.done" in EVENT_TYPES
            assert f"step.{step.stage.name}.started" in EVENT_TYPES
