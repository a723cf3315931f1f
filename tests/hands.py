"""A worker's hands, without Ansible: the services that it calls, in its order, on machines that do as they are told."""

from django.db import transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.erasures import record_erasures
from portal.operations.models import Operation
from portal.operations.selectors import events_of, parts_of
from portal.operations.services import claims, steps
from portal.operations.services.erasing import erase_anew
from portal.operations.states import OPEN_OPERATION, OperationKind
from provisioning.catalogue import work_of
from provisioning.drive import apply_end, lock_subject
from provisioning.outcomes import outcome_of
from tests import factories


def open_operation(reservation):
    return Operation.objects.get(subject=reservation.public_id, state__in=OPEN_OPERATION)


def take(operation, worker="hands"):
    claim = claims.take(operation_pk=operation.pk, worker=worker)
    assert claim is not None
    return claim


def begin(claim, part):
    """Take a server into work; one that is not ready fails."""
    with transaction.atomic():
        claims.guard(claim)
        if outcome_of(part.operation.kind).begin(part):
            return True
    fail(claim, part, "server_not_ready")
    return False


def fail(claim, part, error_code="agent_error"):
    with transaction.atomic():
        failed = steps.fail_part(claim=claim, part_pk=part.pk, error_code=error_code)
        outcome_of(part.operation.kind).failed(failed)


def succeed(claim, part):
    if part.operation.kind == OperationKind.RELEASE:
        prove(part)
    with transaction.atomic():
        event_type = work_of(part.operation.kind).done_event
        done = steps.succeed_part(claim=claim, part_pk=part.pk, event_type=event_type)
        outcome_of(part.operation.kind).succeeded(done)


def prove(part, residue_bytes=0):
    """Leave proof that every drive of the server was erased in this operation."""
    reports = [
        factories.drive_report(drive, residue_bytes=residue_bytes) for drive in part.server.drives.order_by("pk")
    ]
    record_erasures(actor=SYSTEM, server=part.server, operation_id=part.operation.public_id, drives=reports)


def finish(claim, operation):
    with transaction.atomic():
        lock_subject(operation)
        apply_end(steps.finish(claim=claim))


def work(reservation, *, failing=()):
    """Do the reservation's open operation from end to end; the parts at the positions ``failing`` fail."""
    operation = open_operation(reservation)
    claim = take(operation)
    for part in parts_of(operation):
        if begin(claim, part):
            (fail if part.position in failing else succeed)(claim, part)
    finish(claim, operation)
    reservation.refresh_from_db()
    return reservation


def is_due(reservation):
    """Tell whether a worker may take the reservation's open operation now."""
    return open_operation(reservation).not_before <= clock.now()


def erase(server):
    """Erase a server that is out of the pool, with proof."""
    operation = erase_anew(actor=SYSTEM, server=server, reason="looked at")
    claim = take(operation)
    (part,) = parts_of(operation)
    assert begin(claim, part)
    succeed(claim, part)
    finish(claim, operation)


def active(for_scope=None, *, failing=(), **kwargs):
    """Return a reservation that is handed over."""
    return work(factories.reservation(for_scope, starts_at=None, **kwargs), failing=failing)


def states(reservation):
    """Return the state of the reservation, and of each of its allocations with that of its server."""
    reservation.refresh_from_db()
    return [reservation.state, *reservation.allocations.order_by("position").values_list("state", "server__state")]


def told(reservation):
    """Return the types of the events that the customer reads, in order."""
    return [event.type for event in events_of(reservation.public_id)]
