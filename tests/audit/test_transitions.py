"""A state changes by its table, once, and never without a row in the record."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from portal.audit.models import AuditEvent
from portal.audit.services import record, target_of
from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM, Actor, ActorKind
from portal.core.errors import StateConflict
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.operations.states import PartState
from tests import factories
from tests.audit import rows
from tests.racing import race

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, tzinfo=UTC)
THREADS = 8
every_table = pytest.mark.parametrize("name", sorted(rows.MODELS))


def test_every_table_has_a_row_to_try():
    assert set(rows.MAKERS) == set(rows.MODELS)


@every_table
def test_every_step_of_the_table_is_made_and_recorded_once(name):
    row = rows.make(name)
    table = row.STATES

    for before in table.states.values():
        for to in before.then:
            rows.put(row, before.name)
            count = AuditEvent.objects.count()
            with time_machine.travel(NOW, tick=False):
                advance(row, to, actor=SYSTEM, reason="so it is", scope="org_1")

            deadline = table.states[to].deadline
            kept = rows.stored(row)
            assert kept["state"] == row.state == to
            assert kept["state_reason"] == row.state_reason == "so it is"
            assert kept["state_changed_at"] == row.state_changed_at == NOW
            assert kept["state_deadline_at"] == row.state_deadline_at == (NOW + deadline if deadline else None)
            assert AuditEvent.objects.count() == count + 1
            event = AuditEvent.objects.first()
            assert (event.verb, event.target, event.scope) == (f"{name}.state_changed", target_of(row), "org_1")
            assert event.data == {"from": before.name, "to": to, "reason": "so it is"}


@every_table
def test_every_other_step_is_refused_and_writes_nothing(name):
    row = rows.make(name)
    count = AuditEvent.objects.count()

    for before in row.STATES.states.values():
        for to in {*row.STATES.states, "junk", ""} - set(before.then):
            rows.put(row, before.name)
            kept = rows.stored(row)
            with pytest.raises(StateConflict) as refusal:
                advance(row, to, actor=SYSTEM, reason="no", state_changed_at=NOW)

            assert refusal.value.extra == {"state": before.name, "allowed": list(before.then)}
            assert rows.stored(row) == kept
            assert (row.state, row.state_reason) == (before.name, "")
    assert AuditEvent.objects.count() == count


@every_table
@pytest.mark.parametrize("junk", ["junk", "", "AVAILABLE"])
def test_the_database_knows_the_states_of_the_table(name, junk):
    row = rows.make(name)
    before = row.state

    with (
        pytest.raises(IntegrityError, match=f"{name}_state_known"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {row._meta.db_table} SET state = %s", [junk])  # noqa: S608

    assert rows.stored(row)["state"] == before


def test_a_row_whose_state_is_unknown_goes_nowhere():
    row = factories.server()
    row.state = "junk"

    with pytest.raises(StateConflict) as refusal:
        advance(row, ServerState.DEPLOYING, actor=SYSTEM)

    assert refusal.value.extra == {"state": "junk", "allowed": []}
    assert rows.stored(row)["state"] == ServerState.AVAILABLE


def test_fields_are_written_along_and_may_set_another_deadline():
    part = rows.make("operation_server")
    until = clock.now() + timedelta(minutes=3)

    advance(part, PartState.WORKING, actor=SYSTEM, stage="image", percent=7, state_deadline_at=until)

    kept = rows.stored(part)
    assert (kept["stage"], kept["percent"], kept["state_deadline_at"]) == ("image", 7, until)
    assert (part.stage, part.percent, part.state_deadline_at) == ("image", 7, until)


def test_the_record_names_the_doer_and_what_else_is_told():
    server = factories.server()
    actor = Actor(ActorKind.USER, "usr_1", "ana@example.test", "req_12345678")

    advance(server, ServerState.DEPLOYING, actor=actor, data={"epoch": 3, "from": "elsewhere", "to": "nowhere"})

    event = AuditEvent.objects.get()
    assert (event.actor_id, event.request_id) == ("usr_1", "req_12345678")
    assert event.data == {"epoch": 3, "from": "available", "to": "deploying", "reason": ""}


def test_the_record_is_undone_with_the_change():
    server = factories.server()

    with transaction.atomic():
        advance(server, ServerState.DEPLOYING, actor=SYSTEM)
        transaction.set_rollback(True)

    assert rows.stored(server)["state"] == ServerState.AVAILABLE
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_cannot_be_recorded_is_not_made():
    server = factories.server()

    with pytest.raises(TypeError, match="not JSON serializable"):
        advance(server, ServerState.DEPLOYING, actor=SYSTEM, data={"what": object()})

    assert rows.stored(server)["state"] == server.state == ServerState.AVAILABLE
    assert not AuditEvent.objects.exists()


def test_a_row_that_was_changed_meanwhile_is_refused():
    server = factories.server()
    stale = Server.objects.get(pk=server.pk)
    advance(server, ServerState.MAINTENANCE, actor=SYSTEM)

    with pytest.raises(StateConflict, match="no longer available: somebody else changed it meanwhile"):
        advance(stale, ServerState.DEPLOYING, actor=SYSTEM)

    assert rows.stored(server)["state"] == ServerState.MAINTENANCE
    assert stale.state == ServerState.AVAILABLE
    assert AuditEvent.objects.count() == 1


def naively(row, to):
    """Read, look, write and record, as a service would that does not know better: the control."""
    if not row.STATES.allows(row.state, to):
        raise StateConflict("No.")
    row.state = to
    row.save(update_fields=["state"])
    record(actor=SYSTEM, verb="server.state_changed", target=target_of(row))


def carefully(row, to):
    advance(row, to, actor=SYSTEM)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act, winners", [(naively, THREADS), (carefully, 1)])
def test_of_many_that_change_one_row_exactly_one_wins(act, winners):
    made = factories.server()
    followers = made.STATES.followers(made.state)
    copies = [Server.objects.get(pk=made.pk) for _ in range(THREADS)]

    outcomes = race(THREADS, lambda number: act(copies[number], followers[number % len(followers)]))

    assert outcomes.count(None) == AuditEvent.objects.count() == winners
    assert sum(isinstance(outcome, StateConflict) for outcome in outcomes) == THREADS - winners
    assert rows.stored(made)["state"] in followers
