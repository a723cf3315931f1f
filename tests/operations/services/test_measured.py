"""Turnover as it was measured."""

from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.fleet.models import ServerType
from portal.fleet.services import LONGEST_TIME
from portal.operations.models import Operation, OperationServer
from portal.operations.services.measured import (
    FEWEST_SAMPLES,
    LOOK_BACK,
    SAMPLES,
    apply_measured_times,
    measured_turnover,
)
from tests import factories

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def erasures(durations, ended_ago=timedelta(0), kind="release", state="succeeded"):
    """Write parts of operations that took so long."""
    server = factories.server()
    for took in durations:
        end = clock.now() - ended_ago
        operation = Operation.objects.create(kind=kind, state="succeeded", requested_by="test", created_at=end - took)
        OperationServer.objects.create(
            operation=operation, server=server, position=0, hostname="h", state=state, state_changed_at=end
        )


def test_a_fifth_more_than_what_95_of_100_took_in_steps_of_five_minutes():
    erasures([10 * MINUTE] * 95 + [90 * MINUTE] * 5)
    assert measured_turnover(factories.server_type()) == 15 * MINUTE

    erasures([90 * MINUTE])
    assert measured_turnover(factories.server_type()) == 110 * MINUTE


@pytest.mark.parametrize(
    "took, planned",
    [
        (timedelta(seconds=1), 5 * MINUTE),
        (timedelta(seconds=250), 5 * MINUTE),
        (timedelta(seconds=251), 10 * MINUTE),
        (25 * MINUTE, 30 * MINUTE),
        (LONGEST_TIME, LONGEST_TIME),
    ],
)
def test_what_is_planned(took, planned):
    erasures([took] * FEWEST_SAMPLES)

    assert measured_turnover(factories.server_type()) == planned


def test_too_few_measurements_say_nothing():
    erasures([MINUTE] * (FEWEST_SAMPLES - 1))
    assert measured_turnover(factories.server_type()) is None


def test_only_erasures_of_the_type_that_got_through_count_and_old_ones_do_not():
    erasures([MINUTE] * FEWEST_SAMPLES)
    erasures([500 * MINUTE] * FEWEST_SAMPLES, kind="deploy")
    erasures([500 * MINUTE] * FEWEST_SAMPLES, state="failed")
    erasures([500 * MINUTE] * FEWEST_SAMPLES, ended_ago=LOOK_BACK)

    assert measured_turnover(factories.server_type()) == 5 * MINUTE
    assert measured_turnover(factories.server_type("l40s")) is None


def test_only_the_last_200_count():
    erasures([500 * MINUTE] * 50, ended_ago=MINUTE)
    erasures([MINUTE] * SAMPLES)

    assert measured_turnover(factories.server_type()) == 5 * MINUTE


def test_times_follow_measurements_only_where_staff_wants_that():
    kind = factories.server_type()
    erasures([20 * MINUTE] * FEWEST_SAMPLES)
    assert apply_measured_times() == 0
    kind.refresh_from_db()
    assert kind.cleanup_time == 30 * MINUTE

    ServerType.objects.update(times_are_measured=True)
    assert apply_measured_times() == 1
    kind.refresh_from_db()
    assert (kind.lead_time, kind.cleanup_time, kind.times_are_measured) == (20 * MINUTE, 25 * MINUTE, True)
    assert AuditEvent.objects.get(verb="server_type.times_set").data["to"]["cleanup_time_s"] == 1500.0
    assert apply_measured_times() == 0
