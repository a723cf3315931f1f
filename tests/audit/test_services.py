"""What a row of the record holds, and how it is found."""

from datetime import UTC, datetime

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.audit.selectors import events_of
from portal.audit.services import record, target_of
from portal.core.actors import SYSTEM, Actor, ActorKind
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_row_says_who_did_what_to_what_and_when():
    actor = Actor(ActorKind.USER, "usr_1", "ana@example.test", "req_12345678")

    with time_machine.travel(NOW, tick=False):
        made = record(actor=actor, verb="thing.done", target="thing_1", scope="org_1", data={"count": 2})

    made.refresh_from_db()
    assert AuditEvent.objects.values().get() == {
        "id": made.pk,
        "at": NOW,
        "actor_kind": "user",
        "actor_id": "usr_1",
        "actor_label": "ana@example.test",
        "verb": "thing.done",
        "target": "thing_1",
        "scope": "org_1",
        "data": {"count": 2},
        "request_id": "req_12345678",
    }
    assert str(made) == "thing.done thing_1"


def test_what_is_too_long_is_cut_and_what_is_missing_is_empty():
    made = record(actor=Actor(ActorKind.AGENT, "a", "x" * 300, "r" * 100), verb="v", target="t")

    made.refresh_from_db()
    assert (made.actor_label, made.request_id, made.scope, made.data) == ("x" * 200, "r" * 64, "", {})


def test_the_events_of_a_thing_come_newest_first():
    made = [record(actor=SYSTEM, verb=f"step.{number}", target="this") for number in range(3)]
    record(actor=SYSTEM, verb="step.0", target="other")

    assert list(events_of("this")) == made[::-1]


def test_a_row_without_a_public_id_is_called_by_its_model_and_key():
    server = factories.server()

    assert target_of(server) == server.public_id
    assert target_of(server.rack) == f"fleet.rack:{server.rack.pk}"
