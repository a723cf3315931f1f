"""The catalogue, the outcomes, the stages and the schedule are tables; these iterate over them."""

import pytest
from celery import current_app

from portal.core.waking import Queue
from portal.operations import event_types, stages
from portal.operations.failures import FAILURES
from portal.operations.states import OperationKind
from provisioning.catalogue import CATALOGUE, AwaitStep, GatherStep, PlaybookStep, ends_its_stage
from provisioning.outcomes import OUTCOMES
from provisioning.runner import PLAYBOOKS
from provisioning.schedule import SCHEDULE, beat_schedule

STEPS = [(kind, step) for kind, work in CATALOGUE.items() for step in work.steps]


def test_every_kind_of_operation_has_work_outcome_and_stages():
    assert set(CATALOGUE) == set(OUTCOMES) == set(stages.STAGES) == set(OperationKind)


@pytest.mark.parametrize("kind,step", STEPS)
def test_every_step_names_things_that_exist(kind, step):
    assert step.stage in stages.STAGES[kind]
    assert f"step.{step.stage.name}.done" in event_types.EVENT_TYPES
    if isinstance(step, PlaybookStep):
        assert (PLAYBOOKS / step.playbook).is_file()
        assert f"step.{step.stage.name}.started" in event_types.EVENT_TYPES
        assert step.attempts >= 1
    elif isinstance(step, GatherStep):
        assert f"step.{step.stage.name}.started" in event_types.EVENT_TYPES
        assert step.look_again
    else:
        assert {step.silent_code, step.late_code} <= set(FAILURES)
        assert step.open_limit <= step.time_limit


@pytest.mark.parametrize("kind", list(OperationKind))
def test_steps_follow_the_order_of_the_stages(kind):
    places = [stages.position(kind, step.stage.name) for step in CATALOGUE[kind].steps]

    assert places == sorted(places)


@pytest.mark.parametrize("kind", list(OperationKind))
def test_each_stage_is_announced_as_done_once(kind):
    done = [step.stage for index, step in enumerate(CATALOGUE[kind].steps) if ends_its_stage(kind, index)]

    assert done == list(dict.fromkeys(step.stage for step in CATALOGUE[kind].steps))


@pytest.mark.parametrize("kind", list(OperationKind))
def test_a_wait_follows_the_playbook_that_boots_for_it(kind):
    """Waiting for a boot's report makes sense only after a step that made that boot's token, or its job did."""
    issued = set()
    for step in CATALOGUE[kind].steps:
        if isinstance(step, AwaitStep):
            assert step.purpose in issued
        elif isinstance(step, PlaybookStep) and step.boot:
            issued.add(step.boot)
            if step.boot == "image":
                issued.add("first_boot")


@pytest.mark.parametrize("kind", list(OperationKind))
def test_servers_gather_right_before_they_are_handed_over_together(kind):
    steps = CATALOGUE[kind].steps
    gathered = [index for index, step in enumerate(steps) if isinstance(step, GatherStep)]

    assert [
        index - 1 for index, step in enumerate(steps) if isinstance(step, PlaybookStep) and step.hands_over
    ] == gathered
    assert len(gathered) == (kind in ("deploy", "reinstall"))


def test_every_scheduled_task_is_a_registered_task():
    current_app.loader.import_default_modules()
    registered = set(current_app.tasks)

    assert {entry.task for entry in SCHEDULE} <= registered
    assert {sent["task"] for sent in beat_schedule().values()} == {entry.task for entry in SCHEDULE}


def test_each_entry_is_sent_to_its_queue_alone():
    sent = [(entry["task"], entry["options"]["queue"]) for entry in beat_schedule().values()]

    assert sent == [(entry.task, entry.queue.value) for entry in SCHEDULE]
    assert {entry.queue for entry in SCHEDULE if entry.task == "provisioning.pulse"} == set(Queue)


def test_what_waits_for_machines_keeps_no_sweep_waiting():
    waits = {"provisioning.run_operation", "provisioning.fetch_image", "provisioning.read_consoles"}

    assert waits & {entry.task for entry in SCHEDULE if entry.queue is Queue.SWEEPS} == set()


def test_every_done_event_is_known():
    assert {work.done_event for work in CATALOGUE.values()} <= set(event_types.EVENT_TYPES)
