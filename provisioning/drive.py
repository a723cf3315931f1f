"""Moving one operation on as far as it goes now: judge what machines reported, run the playbooks that are due.

Nothing here waits for machines: what is awaited is noted on the rows, and the worker goes.
"""

import logging
from collections import defaultdict

from django.db import transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import ClaimLost, StateConflict
from portal.core.locks import lock_rows
from portal.fleet import services as fleet
from portal.fleet.models import Server
from portal.operations.models import BootPurpose, BootToken, Operation, OperationServer
from portal.operations.selectors import parts_of, valid_boot, waiting_operations
from portal.operations.services import claims, steps
from portal.operations.services.queue import wake
from portal.operations.states import OPEN_PART, PartState
from portal.reservations.models import Reservation
from provisioning.catalogue import AwaitStep, PlaybookStep, Step, work_of
from provisioning.claim import Lease, held
from provisioning.judge import judge, waiting_time
from provisioning.outcomes import outcome_of
from provisioning.play import play

log = logging.getLogger(__name__)


def drive(operation_pk: int, worker: str) -> None:
    """Claim an operation and move it on; when somebody else holds it, or it is not due, do nothing."""
    claim = claims.take(operation_pk=operation_pk, worker=worker)
    if claim is None:
        return
    with held(claim) as lease:
        try:
            while _round(lease):
                pass
        except ClaimLost as error:
            log.warning("%s", error)
            return
    # A report that came in while we held the claim woke nobody.
    if waiting_operations().filter(pk=operation_pk).exists():
        wake(operation_pk)


def _round(lease: Lease) -> bool:
    """Do everything that is possible now; tell whether that may have made more possible."""
    operation = Operation.objects.select_related("image").get(pk=lease.claim.operation_pk)
    parts = [part for part in parts_of(operation) if part.state in OPEN_PART]
    if not parts:
        _finish(lease, operation)
        return False
    catalogue = work_of(operation.kind).steps
    moved = False
    batches: dict[int, list[OperationServer]] = defaultdict(list)
    for part in parts:
        step = catalogue[part.step] if part.step < len(catalogue) else None
        if part.state == PartState.AWAITING and isinstance(step, AwaitStep):
            moved |= _judge(lease, part, step)
        elif part.state == PartState.READY and isinstance(step, PlaybookStep):
            if _begin(lease, part):
                batches[part.step].append(part)
            else:
                moved = True
        elif part.state == PartState.READY:
            _advance_ready(lease, part, step)
            moved = True
    for index in sorted(batches):
        step = catalogue[index]
        if isinstance(step, PlaybookStep):
            play(lease, operation, step, batches[index], fail=fail)
            moved = True
    return moved


def _begin(lease: Lease, part: OperationServer) -> bool:
    """Take the server into work at its first step; a server that is not ready for it fails."""
    if part.step > 0:
        return True
    with transaction.atomic():
        claims.guard(lease.claim)
        if outcome_of(part.operation.kind).begin(part):
            return True
    fail(lease, part, "server_not_ready")
    return False


def _advance_ready(lease: Lease, part: OperationServer, step: Step | None) -> None:
    if isinstance(step, AwaitStep):
        steps.begin_await(claim=lease.claim, part_pk=part.pk, stage=step.stage.name, time_limit=waiting_time(step))
    else:
        _succeed(lease, part)


def _judge(lease: Lease, part: OperationServer, step: AwaitStep) -> bool:
    boot = valid_boot(part, step.purpose)
    verdict = judge(part, boot, step, clock.now())
    if verdict.wait_until:
        steps.wait_until(claim=lease.claim, part_pk=part.pk, until=verdict.wait_until)
        return False
    if verdict.error_code:
        fail(lease, part, verdict.error_code, verdict.detail)
        return True
    if boot is not None and not _keep(lease, part, boot):
        fail(lease, part, "erase_unproved")
        return True
    steps.finish_step(claim=lease.claim, part_pk=part.pk, stage=step.stage.name)
    return True


def _keep(lease: Lease, part: OperationServer, boot: BootToken) -> bool:
    """Keep what a report is evidence of; False when it does not prove what it must."""
    with transaction.atomic():
        claims.guard(lease.claim)
        if boot.purpose == BootPurpose.FIRST_BOOT:
            OperationServer.objects.filter(pk=part.pk).update(host_keys=boot.result["host_keys"])
        if boot.purpose != BootPurpose.ERASE:
            return True
        result = boot.result
        fleet.record_erasure(
            actor=SYSTEM,
            server=part.server,
            operation_id=part.operation.public_id,
            drive_serial=result["drive_serial"],
            method=result["method"],
            bytes_erased=result["bytes_erased"],
            bytes_verified=result["bytes_verified"],
            residue_bytes=result["residue_bytes"],
        )
        return not fleet.unproved_drives(part.server, part.operation.public_id)


def _succeed(lease: Lease, part: OperationServer) -> None:
    work = work_of(part.operation.kind)
    try:
        with transaction.atomic():
            done = steps.succeed_part(claim=lease.claim, part_pk=part.pk, event_type=work.done_event)
            outcome_of(part.operation.kind).succeeded(done)
    except StateConflict as error:
        fail(lease, part, "server_not_ready" if part.operation.kind == "deploy" else "erase_unproved", error.detail)


def fail(lease: Lease, part: OperationServer, error_code: str, detail: str = "") -> None:
    """Fail one server's part with its outcome; the others go on."""
    with transaction.atomic():
        failed = steps.fail_part(claim=lease.claim, part_pk=part.pk, error_code=error_code, detail=detail)
        outcome_of(part.operation.kind).failed(failed)


def _finish(lease: Lease, operation: Operation) -> None:
    with transaction.atomic():
        lock_subject(operation)
        finished = steps.finish(claim=lease.claim)
        apply_end(finished)


def lock_subject(operation: Operation) -> None:
    """Lock the reservation that an operation is for: always before the operation, as those who end it do."""
    lock_rows(Reservation.objects.filter(public_id=operation.subject))


def apply_end(operation: Operation) -> None:
    """Apply what follows from an operation's end, for parts that failed without a worker too."""
    outcome = outcome_of(operation.kind)
    failed = parts_of(operation).filter(state=PartState.FAILED)
    # Each locks its own server again: all at once and in order, as others who take several do.
    lock_rows(Server.objects.filter(pk__in=failed.values("server_id")))
    for part in failed:
        outcome.failed(part)
    outcome.finished(operation)
