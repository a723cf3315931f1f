"""Questions about operations: what waits for a worker and nothing else, and never another tenant's."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, NotFound
from portal.operations import selectors
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.services import claims
from portal.operations.services.events import tell
from portal.operations.states import OPEN_OPERATION, OPEN_PART, OperationState, PartState
from portal.tenancy.scope import Scope
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def scope_of(operation):
    return factories.scope(in_project=operation.project)


def test_every_selector_of_a_tenant_is_known_here():
    """A new one must be added below, where it is asked with other tenants' ids."""
    found = {
        name
        for name in dir(selectors)
        if getattr(getattr(selectors, name), "__annotations__", {}).get("scope") is Scope
        and getattr(selectors, name).__module__ == selectors.__name__
    }
    assert found == {"operations_of", "operation_of"}


def test_a_tenant_sees_its_projects_operations_only(operation):
    own = scope_of(operation)
    sister = factories.scope(in_project=factories.project(own.organization))
    for stranger in (sister, factories.scope()):
        assert list(selectors.operations_of(stranger)) == []
        with pytest.raises(NotFound):
            selectors.operation_of(stranger, operation.public_id)

    assert list(selectors.operations_of(own)) == [operation]
    assert selectors.operation_of(own, operation.public_id) == operation
    with pytest.raises(NotFound):
        selectors.operation_of(own, "op_0")


def say(subject, count):
    events = [
        tell(actor=SYSTEM, subject=subject, event_type="reservation.start_delayed", count=n) for n in range(count)
    ]
    return [event.public_id for event in events]


def ids(events):
    return [event.public_id for event in events]


def test_events_come_in_order_and_after_the_one_that_is_known():
    told = say("res_1", 3)
    say("res_2", 1)

    assert ids(selectors.events_of("res_1")) == told
    assert [ids(selectors.events_of("res_1", after)) for after in told] == [told[1:], told[2:], []]


@pytest.mark.parametrize("after", ["evt_0", "'", "of another"])
def test_after_an_event_that_is_not_its_own_nothing_is_told_but_why(after):
    """An unknown one would have been answered with silence for ever, another's would have told that it exists."""
    say("res_1", 1)
    foreign = say("res_2", 1)[0]

    with pytest.raises(InvalidInput) as caught:
        selectors.events_of("res_1", foreign if after == "of another" else after)

    assert [(error.field, error.code) for error in caught.value.errors] == [("after", "unknown")]


def test_the_latest_operation_of_each_subject_is_found(operation):
    operation.parts.update(state=PartState.SUCCEEDED)
    server = operation.parts.first().server
    newer = Operation.objects.create(kind="release", subject=operation.subject, state="queued", requested_by="test")
    OperationServer.objects.create(operation=newer, server=server, position=0, hostname="x", state="ready")

    assert list(selectors.latest_operations([operation.subject, "res_none"])) == [newer]
    assert list(selectors.operations_for(operation.subject)) == [newer, operation]


@pytest.mark.parametrize("state", PartState)
def test_a_server_is_at_work_while_its_part_is_open(operation, state):
    OperationServer.objects.update(state=state)
    parts = list(operation.parts.order_by("server_id"))
    is_open = state in OPEN_PART

    assert sorted(selectors.servers_at_work()) == ([part.server_id for part in parts] if is_open else [])
    assert selectors.open_part_of(parts[0].server_id) == (parts[0] if is_open else None)
    assert selectors.open_part_of(0) is None


def boot(part, **fields):
    return BootToken.objects.create(
        part=part, purpose="image", token_sha256=f"{part.pk:064d}", expires_at=clock.now() + HOUR, **fields
    )


def resting(operation):
    """Bring an operation into the state in which nobody has anything to do: all its machines are at work."""
    claims.give_back(claim=claims.take(operation_pk=operation.pk, worker="w1"))
    operation.parts.update(state=PartState.AWAITING, state_deadline_at=clock.now() + HOUR)


def waits(operation):
    return list(selectors.waiting_operations()) == [operation]


def test_a_queued_operation_waits_for_a_worker(operation):
    assert waits(operation)


def test_one_whose_machines_are_all_at_work_waits_for_nobody(operation):
    resting(operation)

    assert not waits(operation)


def test_one_with_a_part_that_is_ready_waits(operation):
    resting(operation)
    OperationServer.objects.filter(pk=operation.parts.last().pk).update(state=PartState.READY)

    assert waits(operation)


def test_one_with_a_report_waits(operation):
    resting(operation)
    boot(operation.parts.last(), reported_at=clock.now())

    assert waits(operation)


@pytest.mark.parametrize("fields", [{}, {"opened_at": True}, {"reported_at": True, "revoked_at": True}])
def test_one_whose_boots_have_nothing_to_say_does_not(operation, fields):
    resting(operation)
    boot(operation.parts.last(), **dict.fromkeys(fields, clock.now()))

    assert not waits(operation)


def test_a_report_for_a_part_that_does_not_await_one_wakes_nobody(operation):
    resting(operation)
    part = operation.parts.last()
    boot(part, reported_at=clock.now())
    OperationServer.objects.filter(pk=part.pk).update(state=PartState.FAILED)

    assert not waits(operation)


def test_one_whose_patience_is_over_waits(noon, operation):
    resting(operation)
    noon.shift(HOUR - SECOND)
    assert not waits(operation)

    noon.shift(SECOND)

    assert waits(operation)


def test_one_all_of_whose_parts_are_final_waits_to_be_closed(operation):
    resting(operation)
    operation.parts.update(state=PartState.SUCCEEDED)

    assert waits(operation)


def test_one_that_somebody_holds_does_not_wait(operation):
    claims.take(operation_pk=operation.pk, worker="w1")

    assert not waits(operation)


def test_one_that_is_not_due_does_not_wait(noon, operation):
    Operation.objects.update(not_before=clock.now() + SECOND)
    assert not waits(operation)

    noon.shift(SECOND)

    assert waits(operation)


@pytest.mark.parametrize("state", sorted(set(OperationState) - set(OPEN_OPERATION)))
def test_one_that_is_closed_does_not_wait(operation, state):
    Operation.objects.update(state=state)

    assert not selectors.waiting_operations().exists()
    assert not selectors.lost_claims().exists()


def test_one_that_has_several_reasons_is_found_once(operation):
    for part in operation.parts.all():
        boot(part, reported_at=clock.now())

    assert waits(operation)


def test_a_claim_is_lost_at_the_instant_its_lease_ends(noon, operation):
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    noon.move_to(claim.expires_at - SECOND)
    assert not selectors.lost_claims().exists()

    noon.shift(SECOND)

    assert list(selectors.lost_claims()) == [operation]


@pytest.mark.parametrize("held", [False, True])
def test_overdue_is_what_nobody_holds_past_its_deadline(noon, operation, held):
    noon.move_to(operation.state_deadline_at)
    assert not selectors.overdue_operations().exists()
    if held:
        Operation.objects.update(claimed_by="w1", claim_expires_at=clock.now() + HOUR)

    noon.shift(SECOND)

    assert list(selectors.overdue_operations()) == ([] if held else [operation])


def test_the_valid_boot_is_the_one_that_is_not_revoked(operation):
    part = operation.parts.first()
    old = boot(part, revoked_at=clock.now())
    BootToken.objects.filter(pk=old.pk).update(token_sha256="0" * 63 + "x")
    valid = boot(part)

    assert selectors.valid_boots(operation.parts.all(), "image") == {part.pk: valid}
    assert selectors.valid_boots([part], "erase") == {}


def test_parts_come_in_order(operation):
    first, second = operation.parts.order_by("pk")
    OperationServer.objects.filter(pk=first.pk).update(position=7)

    assert list(selectors.parts_of(operation)) == [second, first]
