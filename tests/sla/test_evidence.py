"""Runs of equal samples grow; nothing else of what was seen ever changes."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.sla.definitions import CURRENT, Condition, Kind
from portal.sla.models import Evidence
from portal.sla.models.evidence import Source
from portal.sla.services.evidence import Sample, correct_evidence, note_samples
from tests import factories
from tests.sla.world import JANUARY

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def see(server, minute, value=Condition.UP, kind=Kind.REACHABLE, source=Source.PROBE):
    samples = [Sample(server.pk, kind, value, "words")]
    return note_samples(samples=samples, source=source, at=JANUARY + minute * MINUTE)


def runs(server):
    """Return the runs of a server: what, from which minute to which."""
    return [
        (row.value, (row.since - JANUARY) // MINUTE, (row.until - JANUARY) // MINUTE)
        for row in Evidence.objects.filter(server=server).order_by("pk")
    ]


def test_a_healthy_time_is_one_row():
    server = factories.server()

    for minute in range(0, 120, 4):
        see(server, minute)

    assert runs(server) == [("up", 0, 116)]


def test_a_run_ends_with_the_sample_that_says_something_else():
    server = factories.server()
    for minute, value in enumerate(["up", "up", "down", "down", "up"]):
        see(server, minute, Condition(value))

    assert runs(server) == [("up", 0, 2), ("down", 2, 4), ("up", 4, 4)]


def test_after_a_gap_a_run_begins_anew_so_that_the_gap_is_not_known():
    server = factories.server()
    gap = CURRENT.gap // 60
    for minute in (0, gap, 2 * gap + 1):
        see(server, minute)

    assert runs(server) == [("up", 0, gap), ("up", 2 * gap + 1, 2 * gap + 1)]


def test_a_sample_that_comes_twice_or_late_changes_nothing():
    server = factories.server()
    for minute in (0, 1, 2):
        see(server, minute)

    see(server, 2)
    see(server, 1, Condition.DOWN)

    assert runs(server) == [("up", 0, 2)]


def test_kinds_servers_and_sources_have_runs_of_their_own():
    one, other = factories.servers(2)
    for minute in (0, 1):
        see(one, minute)
        see(one, minute, Condition.DOWN, Kind.POWER, Source.BMC)
        see(other, minute, Condition.UNKNOWN)

    assert sorted(runs(one)) == [("down", 0, 1), ("up", 0, 1)]
    assert runs(other) == [("unknown", 0, 1)]


def test_a_past_time_can_be_corrected_with_a_reason():
    server = factories.server()
    see(server, 0)
    period = Period(JANUARY, JANUARY + 10 * MINUTE)
    what = {"actor": SYSTEM, "server": server, "kind": Kind.REACHABLE, "value": Condition.DOWN, "period": period}

    with time_machine.travel(JANUARY + 10 * MINUTE, tick=False):
        correct_evidence(**what, reason="ticket 7: no link")
        with pytest.raises(InvalidInput):
            correct_evidence(**what, reason=" ")
    with time_machine.travel(JANUARY + 9 * MINUTE, tick=False), pytest.raises(InvalidInput):
        correct_evidence(**what, reason="too early")

    assert runs(server) == [("up", 0, 0), ("down", 0, 10)]
    assert AuditEvent.objects.get(verb="evidence.corrected").data["reason"] == "ticket 7: no link"
    # The sweep goes on with its own run.
    see(server, 3)
    assert runs(server)[0] == ("up", 0, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"value": "down"},
        {"until": JANUARY - MINUTE},
        {"since": JANUARY + MINUTE},
        {"note": "other"},
        {"server_id": 0},
    ],
)
def test_the_database_lets_evidence_only_grow(change):
    server = factories.server()
    see(server, 0)
    see(server, 2)

    with pytest.raises(IntegrityError, match="evidence may only grow"), transaction.atomic():
        Evidence.objects.update(**change)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Evidence.objects.all().delete()

    assert runs(server) == [("up", 0, 2)]
    assert Evidence.objects.get().recorded_at <= clock.now()
