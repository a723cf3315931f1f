"""Asking for work, and calling it off."""

from datetime import timedelta

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.services import claims, queue
from portal.operations.services.queue import WAKE_TASK, cancel_operation, queue_operation
from portal.operations.states import (
    OPEN_OPERATION,
    OPEN_PART,
    OPERATION,
    PART,
    OperationKind,
    OperationState,
    PartState,
)
from tests import factories
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def sent(monkeypatch):
    """Stand at the broker: what is sent to it."""
    messages = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **kwargs: messages.append((name, kwargs)))
    return messages


def erase(*servers, **kwargs):
    named = [(server, f"h{number}") for number, server in enumerate(servers)]
    return queue_operation(actor=SYSTEM, kind=OperationKind.RELEASE, servers=named, **kwargs)


def cancel(operation):
    return cancel_operation(actor=SYSTEM, operation=operation, reason="called off")


def test_work_is_queued_with_a_part_for_each_server():
    servers = factories.servers(2)
    project = factories.project()

    operation = erase(*servers, subject="res_1", project=project, not_before=clock.now() + timedelta(hours=1))

    operation.refresh_from_db()
    deadline = OPERATION.states[OperationState.QUEUED].deadline
    assert (operation.state, operation.state_deadline_at) == (OperationState.QUEUED, clock.now() + deadline)
    assert operation.not_before == clock.now() + timedelta(hours=1)
    assert (operation.epoch, operation.claimed_by, operation.attempts) == (0, "", 0)
    parts = list(operation.parts.order_by("position"))
    assert [(part.server, part.hostname) for part in parts] == [(servers[0], "h0"), (servers[1], "h1")]
    assert {part.state for part in parts} == {PartState.READY}
    assert {part.state_deadline_at for part in parts} == {clock.now() + PART.states[PartState.READY].deadline}
    row = AuditEvent.objects.get(verb="operation.queued")
    assert (row.target, row.scope) == (operation.public_id, project.organization.public_id)
    assert row.data["servers"] == [server.public_id for server in servers]


def test_a_worker_is_woken_once_it_is_committed_and_not_before(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        operation = erase(factories.server())
        assert sent == []

    assert [(name, kwargs["args"]) for name, kwargs in sent] == [(WAKE_TASK, [operation.pk])]


@pytest.mark.parametrize("error", [OperationalError("refused"), ConnectionRefusedError("refused"), TimeoutError()])
def test_a_broker_that_cannot_be_reached_costs_nothing_but_a_warning(
    monkeypatch, caplog, error, django_capture_on_commit_callbacks
):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(current_app, "send_task", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        operation = erase(factories.server())

    assert Operation.objects.get() == operation
    assert "the sweep will pick up" in caplog.text


def test_the_broker_is_asked_to_wait_where_that_is_wished(sent):
    queue.wake(7)
    queue.wake(7, 0.5)

    assert [kwargs["countdown"] for _, kwargs in sent] == [None, 0.5]


@pytest.mark.parametrize("state", PartState)
def test_a_server_is_in_one_open_operation(state):
    busy, free = factories.servers(2)
    erase(busy)
    OperationServer.objects.update(state=state)
    before = snapshot()

    if state in OPEN_PART:
        with pytest.raises(StateConflict):
            erase(free, busy)
        assert snapshot() == before
    else:
        assert erase(free, busy).parts.count() == 2


def test_calling_off_ends_operation_parts_and_boots():
    first, second = factories.servers(2)
    operation = erase(first, second)
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    done, left = operation.parts.order_by("position")
    OperationServer.objects.filter(pk=done.pk).update(state=PartState.SUCCEEDED)
    OperationServer.objects.filter(pk=left.pk).update(verify_key_encrypted="secret")
    boot = BootToken.objects.create(
        part=left, purpose="erase", token_sha256="0" * 64, expires_at=clock.now() + timedelta(hours=1)
    )

    free_from = cancel(operation)

    operation.refresh_from_db()
    assert (operation.state, operation.state_reason) == (OperationState.CANCELLED, "called off")
    assert (operation.claimed_by, operation.claim_expires_at, operation.finished_at) == ("", None, clock.now())
    assert operation.epoch == claim.epoch + 1
    assert free_from == claim.expires_at
    parts = operation.parts.order_by("position").values_list("state", "verify_key_encrypted")
    assert list(parts) == [(PartState.SUCCEEDED, ""), (PartState.CANCELLED, "")]
    boot.refresh_from_db()
    assert boot.revoked_at == clock.now()


def test_what_nobody_holds_is_free_at_once():
    assert cancel(erase(factories.server())) == clock.now()


@pytest.mark.parametrize("state", sorted(set(OperationState) - set(OPEN_OPERATION)))
def test_what_is_final_stays_as_it_is(state):
    operation = erase(factories.server())
    Operation.objects.update(state=state)
    OperationServer.objects.update(state=PartState.FAILED)
    before = snapshot()

    assert cancel(operation) == clock.now()
    assert snapshot() == before
