"""Erasing a server that nobody holds: only proof brings it back."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.erasures import record_erasures
from portal.fleet.inspections import fail_inspection
from portal.fleet.models import Server
from portal.fleet.services import begin_maintenance
from portal.operations.models import Operation, OperationServer
from portal.operations.services.erasing import erase_anew
from portal.operations.services.inspecting import inspect
from portal.operations.services.queue import queue_operation
from portal.operations.states import OperationKind
from provisioning.outcomes import outcome_of
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def part():
    """Return the part of a quarantined server in its new erasure, as a worker begins it."""
    operation = erase_anew(actor=SYSTEM, server=factories.server(state="quarantined"), reason="looked at")
    made = OperationServer.objects.get(operation=operation)
    assert outcome_of(operation.kind).begin(made)
    return made


def prove(part, **kwargs):
    reports = [factories.drive_report(part.server.drives.get(), **kwargs)]
    record_erasures(actor=SYSTEM, server=part.server, operation_id=part.operation.public_id, drives=reports)


def test_a_proved_erasure_brings_the_server_back(part):
    prove(part)

    outcome_of("release").succeeded(part)
    outcome_of("release").finished(part.operation)

    assert Server.objects.get().state == "available"


@pytest.mark.parametrize("flaw", [{}, {"residue_bytes": 1}, {"bytes_verified": 1}])
def test_an_unproved_one_does_not(part, flaw):
    if flaw:
        prove(part, **flaw)

    with pytest.raises(StateConflict, match="no proof of erasure"):
        outcome_of("release").succeeded(part)
    OperationServer.objects.update(state="failed")
    outcome_of("release").failed(part)
    outcome_of("release").finished(part.operation)

    assert Server.objects.get().state == "quarantined"


def test_a_server_at_work_is_refused_and_stays_as_it_is():
    server = factories.server(state="maintenance")
    queue_operation(actor=SYSTEM, kind=OperationKind.RELEASE, servers=[(server, server.name)])

    with pytest.raises(StateConflict, match="still open"):
        erase_anew(actor=SYSTEM, server=server, reason="x")

    server.refresh_from_db()
    assert (server.state, Operation.objects.count()) == ("maintenance", 1)


def test_the_work_waits_until_nobody_can_act_for_what_was_called_off(settings):
    settings.METALYARD_LEASE_SECONDS = 30
    server = factories.server(state="quarantined")
    old = queue_operation(actor=SYSTEM, kind=OperationKind.RELEASE, servers=[(server, server.name)])
    finished = clock.now() - timedelta(seconds=10)
    old.parts.update(state="cancelled")
    Operation.objects.filter(pk=old.pk).update(state="cancelled", finished_at=finished)

    made = erase_anew(actor=SYSTEM, server=server, reason="x")

    assert made.not_before == finished + timedelta(seconds=30)


def test_one_that_is_not_what_was_bought_is_not_erased_into_the_pool():
    """Nor by way of the technicians: what brings it back is another inspection."""
    server = factories.server(state="enrolled")
    with pytest.raises(StateConflict):
        erase_anew(actor=SYSTEM, server=server, reason="x")
    look = inspect(actor=SYSTEM, server=server, reason="new")
    look.parts.update(state="failed")
    Operation.objects.update(state="failed", finished_at=clock.now())
    server.refresh_from_db()
    fail_inspection(actor=SYSTEM, server=server, operation_id=look.public_id, reason="differs")
    begin_maintenance(actor=SYSTEM, server=server, reason="to be repaired")

    with pytest.raises(StateConflict, match=f"{look.public_id}.*inspect it anew"):
        erase_anew(actor=SYSTEM, server=server, reason="x")
    again = inspect(actor=SYSTEM, server=server, reason="repaired")
    again.parts.update(state="succeeded")
    Operation.objects.update(state="succeeded", finished_at=clock.now())
    Server.objects.update(state="quarantined")

    assert erase_anew(actor=SYSTEM, server=server, reason="its erasure had failed").kind == "release"
