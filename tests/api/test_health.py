"""Whether the portal is up and able."""

from datetime import timedelta

import pytest
from django.test import Client

from portal.core import clock
from portal.core.waking import Queue
from portal.operations.models import WorkerPulse
from portal.operations.services.pulse import note_pulse
from tests.api.client import assert_problem


def test_the_process_is_up_without_any_database():
    reply = Client().get("/healthz")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_with_a_living_worker_of_each_queue_it_is_ready(noon, db):
    for queue in Queue:
        note_pulse(name="w1", queue=queue)
    noon.shift(59)

    reply = Client().get("/readyz")

    assert (reply.status_code, reply.json()) == (
        200,
        {"status": "ok", "checks": {"database": True, "broker": True, "worker": True, "sweeps": True}},
    )


@pytest.mark.parametrize(("queue", "name"), [(Queue.OPERATIONS, "worker"), (Queue.SWEEPS, "sweeps")])
def test_a_worker_that_is_silent_for_a_minute_is_missing(noon, db, queue, name):
    for other in Queue:
        note_pulse(name="w1", queue=other)
    WorkerPulse.objects.filter(queue=queue).update(seen_at=clock.now() - timedelta(seconds=60))

    reply = Client().get("/readyz")

    assert_problem(reply, 503, "not_ready")
    assert reply.json()["checks"] == {"database": True, "broker": True, "worker": True, "sweeps": True, name: False}
    assert reply.json()["detail"] == f"Not there: {name}."


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_no_login_is_needed_and_none_is_looked_at(db, address):
    assert Client().get(address, headers={"Authorization": "Bearer wrong"}).status_code in (200, 503)
