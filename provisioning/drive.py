"""Moving one operation on as far as it goes now: judge what machines reported, run the playbooks that are due.

Nothing here waits for machines: what is awaited is noted on the rows, and the worker goes.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import ClaimLost, StateConflict
from portal.core.locks import lock_rows
from portal.fleet import erasures, inspections
from portal.fleet.erasures import DriveReport
from portal.fleet.models import Server
from portal.operations.models import BootPurpose, BootToken, Operation, OperationServer
from portal.operations.selectors import parts_of, reports_of, valid_boots, waiting_operations
from portal.operations.services import claims, steps
from portal.operations.services.isolating import isolate_stray
from portal.operations.services.queue import MOST_GATHERING_S, gathering_s, wake
from portal.operations.states import OPEN_PART, OperationKind, PartState
from portal.reservations.models import Reservation
from portal.reservations.services.replacing import replace_failed, replaceable
from provisioning.catalogue import AwaitStep, GatherStep, PlaybookStep, Step, scaled, work_of
from provisioning.claim import Lease, held
from provisioning.judge import Verdict, judge, waiting_time
from provisioning.networks import goals_of, plan_of
from provisioning.outcomes import outcome_of
from provisioning.play import play

log = logging.getLogger(__name__)

UNPROVED = {BootPurpose.ERASE: "erase_unproved", BootPurpose.INSPECT: "hardware_differs"}
"""Why a server fails whose report does not prove what it must."""


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
    # Reports that came in while we held the claim woke nobody.
    if waiting_operations().filter(pk=operation_pk).exists():
        to_come = reports_of(operation_pk)[1]
        wake(operation_pk, gathering_s(to_come) if to_come else 0)


def _round(lease: Lease) -> bool:
    """Do everything that is possible now; tell whether that may have made more possible."""
    operation = Operation.objects.select_related("image").get(pk=lease.claim.operation_pk)
    parts = list(parts_of(operation))
    if operation.kind == OperationKind.DEPLOY and replace(lease, operation, parts):
        return True
    still_open = [part for part in parts if part.state in OPEN_PART]
    if not still_open:
        _finish(lease, operation)
        return False
    return _move(lease, operation, still_open)


def replace(lease: Lease, operation: Operation, parts: Sequence[OperationServer]) -> bool:
    """Take other servers for those that failed by themselves, as far as there are any; tell whether there were.

    Raises ClaimLost.
    """
    if not replaceable(parts):
        return False
    with transaction.atomic():
        reservation = lock_subject(operation)
        claims.guard(lease.claim)
        return reservation is not None and bool(
            replace_failed(actor=SYSTEM, reservation=reservation, operation=operation, parts=parts)
        )


def _move(lease: Lease, operation: Operation, parts: Sequence[OperationServer]) -> bool:
    """Move on what can be: those at one step together, whose rows are then written together."""
    catalogue = work_of(operation.kind).steps
    at: dict[tuple[int, str], list[OperationServer]] = defaultdict(list)
    for part in parts:
        at[part.step, part.state].append(part)
    moved = False
    for index, state in sorted(at):
        step, there = catalogue[index] if index < len(catalogue) else None, at[index, state]
        if state == PartState.AWAITING and isinstance(step, AwaitStep):
            moved |= _judge(lease, step, there)
        elif state == PartState.READY and isinstance(step, AwaitStep):
            _wait(lease, step, there)
            moved = True
        elif isinstance(step, GatherStep) and state in (PartState.READY, PartState.AWAITING):
            moved |= _gather(lease, step, there, is_whole=all(_has_come(part, index) for part in parts))
        elif state == PartState.READY and step is None:
            for part in there:
                _succeed(lease, part)
            moved = True
    return _play(lease, operation, parts) or moved


def _play(lease: Lease, operation: Operation, parts: Sequence[OperationServer]) -> bool:
    """Run one playbook; tell whether there was one to run. Those behind catch up with those ahead and share their runs.

    ``parts`` are as they were before the others were moved; those that wait for a playbook stand where they stood.
    """
    catalogue = work_of(operation.kind).steps
    ready = [part for part in parts if part.state == PartState.READY and part.step < len(catalogue)]
    playable = [(part.step, step) for part in ready if isinstance(step := catalogue[part.step], PlaybookStep)]
    if not playable:
        return False
    index, step = min(playable, key=lambda item: item[0])
    there = [part for part in ready if part.step == index]
    if step.hands_over and any(part.step < index for part in parts):
        _gather_again(lease, catalogue[index - 1], there)
    else:
        play(lease, operation, step, _begun(lease, index, there), fail=fail)
    return True


def _begun(lease: Lease, index: int, parts: Sequence[OperationServer]) -> list[OperationServer]:
    """Take servers into work at their first step; return those that are in work. One that is not ready for it fails."""
    if index > 0:
        return list(parts)
    with transaction.atomic():
        claims.guard(lease.claim)
        lock_rows(Server.objects.filter(pk__in=[part.server_id for part in parts]))
        # A network that is missing is found before anything is done with a server.
        refused = plan_of(parts, goals_of(parts[0].operation.kind)).refused
        begun = [part for part in parts if part.pk not in refused and outcome_of(part.operation.kind).begin(part)]
    for part in parts:
        if part not in begun:
            fail(lease, part, *refused.get(part.pk, (outcome_of(part.operation.kind).unready_code, "")))
    return begun


def _wait(lease: Lease, step: AwaitStep, parts: Sequence[OperationServer]) -> None:
    pks = [part.pk for part in parts]
    steps.begin_await(claim=lease.claim, part_pks=pks, stage=step.stage.name, time_limit=waiting_time(step))


def _has_come(part: OperationServer, index: int) -> bool:
    """Tell whether a part waits at the gathering step ``index`` or is past it."""
    return part.step > index or (part.step == index and part.state == PartState.AWAITING)


def _gather(lease: Lease, step: GatherStep, parts: Sequence[OperationServer], *, is_whole: bool) -> bool:
    """Let parts wait for the operation's others, or go on once these are all here; tell whether that moved any."""
    pks, stage, look_again = [part.pk for part in parts], step.stage.name, scaled(step.look_again)
    if parts[0].state == PartState.READY:
        steps.begin_await(claim=lease.claim, part_pks=pks, stage=stage, time_limit=look_again, announce=True)
        return True
    if is_whole:
        steps.finish_steps(claim=lease.claim, part_pks=pks, stage=stage, announce=False)
        return True
    now = clock.now()
    if any(part.state_deadline_at is None or part.state_deadline_at <= now for part in parts):
        steps.wait_until(claim=lease.claim, part_pks=pks, until=now + look_again)
    return False


def _gather_again(lease: Lease, step: Step, parts: Sequence[OperationServer]) -> None:
    """Let parts that were about to become a cluster wait once more: another server has taken a failed one's place."""
    if isinstance(step, GatherStep):
        pks, stage = [part.pk for part in parts], step.stage.name
        steps.begin_await(claim=lease.claim, part_pks=pks, stage=stage, time_limit=scaled(step.look_again), back=1)


def _is_gathering(boots: Iterable[BootToken], verdicts: Iterable[Verdict], now: datetime) -> bool:
    """Tell whether reports come in just now, so that a playbook run for those that are there would be one of many."""
    reported = [boot.reported_at for boot in boots if boot.reported_at]
    to_come = sum(verdict.wait_until is not None for verdict in verdicts)
    if not reported or not to_come:
        return False
    quiet_from = max(reported) + timedelta(seconds=gathering_s(to_come))
    return now < min(quiet_from, min(reported) + timedelta(seconds=MOST_GATHERING_S))


def _judge(lease: Lease, step: AwaitStep, parts: Sequence[OperationServer]) -> bool:
    """Judge what machines have reported by now; tell whether that moved any."""
    boots = valid_boots(parts, step.purpose)
    now = clock.now()
    verdicts = {part: judge(part, boots.get(part.pk), step, now) for part in parts}
    if _is_gathering(boots.values(), verdicts.values(), now):
        return False
    waiting: dict[datetime, list[int]] = defaultdict(list)
    for part, verdict in verdicts.items():
        if verdict.wait_until:
            waiting[verdict.wait_until].append(part.pk)
    for until, pks in waiting.items():
        steps.wait_until(claim=lease.claim, part_pks=pks, until=until)
    passed = [part for part, verdict in verdicts.items() if not verdict.wait_until and not verdict.error_code]
    with transaction.atomic():
        claims.guard(lease.claim)
        flaws = {part: found for part in passed if part.pk in boots and (found := _keep(part, boots[part.pk]))}
    for part, verdict in verdicts.items():
        if verdict.error_code:
            fail(lease, part, verdict.error_code, verdict.detail)
    for part, found in flaws.items():
        fail(lease, part, UNPROVED[BootPurpose(step.purpose)], "; ".join(found))
    proved = [part.pk for part in passed if part not in flaws]
    steps.finish_steps(claim=lease.claim, part_pks=proved, stage=step.stage.name)
    return any(not verdict.wait_until for verdict in verdicts.values())


def _keep(part: OperationServer, boot: BootToken) -> list[str]:
    """Keep what a report is evidence of; return why it does not prove what it must. Call inside a transaction."""
    if boot.purpose in (BootPurpose.FIRST_BOOT, BootPurpose.RESCUE):
        OperationServer.objects.filter(pk=part.pk).update(host_keys=boot.result["host_keys"])
    operation_id = part.operation.public_id
    if boot.purpose == BootPurpose.INSPECT:
        return _inspected(part, operation_id, boot.result)
    if boot.purpose != BootPurpose.ERASE:
        return []
    reports = [_report_of(drive) for drive in boot.result.get("drives", [])]
    erasures.record_erasures(actor=SYSTEM, server=part.server, operation_id=operation_id, drives=reports)
    return erasures.flaws_of(part.server, operation_id)


def _inspected(part: OperationServer, operation_id: str, result: dict[str, Any]) -> list[str]:
    if "inventory" not in result:
        return ["no inventory was reported"]
    return inspections.record_inspection(
        actor=SYSTEM, server=part.server, operation_id=operation_id, inventory=result["inventory"]
    )


def _report_of(drive: dict[str, Any]) -> DriveReport:
    times = {name: datetime.fromisoformat(drive[name]) for name in ("started_at", "ended_at")}
    return DriveReport(**{**drive, **times})


def _succeed(lease: Lease, part: OperationServer) -> None:
    work, outcome = work_of(part.operation.kind), outcome_of(part.operation.kind)
    try:
        with transaction.atomic():
            done = steps.succeed_part(claim=lease.claim, part_pk=part.pk, event_type=work.done_event)
            outcome.succeeded(done)
    except StateConflict as error:
        fail(lease, part, outcome.refused_code, error.detail)


def fail(lease: Lease, part: OperationServer, error_code: str, detail: str = "") -> None:
    """Fail one server's part with its outcome; the others go on."""
    with transaction.atomic():
        _failed(steps.fail_part(claim=lease.claim, part_pk=part.pk, error_code=error_code, detail=detail))


def _failed(part: OperationServer) -> None:
    """Apply what follows from a failure: what its server was moved into it leaves, whatever else comes of it."""
    outcome_of(part.operation.kind).failed(part)
    isolate_stray(actor=SYSTEM, server=part.server)


def _finish(lease: Lease, operation: Operation) -> None:
    with transaction.atomic():
        lock_subject(operation)
        finished = steps.finish(claim=lease.claim)
        apply_end(finished)


def lock_subject(operation: Operation) -> Reservation | None:
    """Lock the reservation that an operation is for and return it, None where it is for none.

    Always before the operation, as those who end it do.
    """
    return next(iter(lock_rows(Reservation.objects.filter(public_id=operation.subject))), None)


def apply_end(operation: Operation) -> None:
    """Apply what follows from an operation's end, for parts that failed without a worker too."""
    outcome = outcome_of(operation.kind)
    failed = parts_of(operation).filter(state=PartState.FAILED)
    # Each locks its own server again: all at once and in order, as others who take several do.
    lock_rows(Server.objects.filter(pk__in=failed.values("server_id")))
    for part in failed:
        _failed(part)
    outcome.finished(operation)
