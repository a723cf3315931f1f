"""Whether the portal is up and able."""

from datetime import timedelta

import pytest
from django.test import Client

from portal.core import clock
from portal.operations.models import WorkerPulse
from portal.operations.services.pulse import note_pulse
from tests.api.client import assert_problem


def test_the_process_is_up_without_any_database():
    reply = Client().get("/healthz")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_with_a_living_worker_it_is_ready(noon, db):
    note_pulse(name="w1")
    noon.shift(59)

    reply = Client().get("/readyz")

    assert (reply.status_code, reply.json()) == (
        200,
        {"status": "ok", "checks": {"database": True, "broker": True, "worker": True}},
    )


def test_a_worker_that_is_silent_for_a_minute_is_missing(noon, db):
    WorkerPulse.objects.create(name="w1", seen_at=clock.now() - timedelta(seconds=60))

    reply = Client().get("/readyz")

    assert_problem(reply, 503, "not_ready")
    assert reply.json()["checks"] == {"database": True, "broker": True, "worker": False}
    assert reply.json()["detail"] == "Not there: worker."


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_no_login_is_needed_and_none_is_looked_at(db, address):
    assert Client().get(address, headers={"Authorization": "Bearer wrong"}).status_code in (200, 503)
