"""Moving through the steps. Every function here takes the claim and refuses (ClaimLost) when it no longer holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from django.db import transaction

from portal.audit.transitions import advance, advance_alike
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.locks import lock_row, lock_rows
from portal.operations.failures import explain
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.services.claims import Claim, guard
from portal.operations.services.parts import alike, fail_locked, locked_part, locked_parts, tell_of, tell_of_each
from portal.operations.states import OPEN_OPERATION, OPEN_PART, OperationState, PartState


@transaction.atomic
def issue_boots(*, claim: Claim, part_pks: Sequence[int], purpose: str, valid_for: timedelta) -> dict[int, str]:
    """Make the one-time tokens of some parts' next boots, by part; earlier ones of the same purpose end here."""
    guard(claim)
    return replace_boots(part_pks=part_pks, purpose=purpose, valid_for=valid_for)


def replace_boots(*, part_pks: Sequence[int], purpose: str, valid_for: timedelta) -> dict[int, str]:
    """Revoke the valid boot tokens of parts and a purpose and return fresh ones, by part. Call inside a transaction."""
    now = clock.now()
    BootToken.objects.filter(part__in=part_pks, purpose=purpose, revoked_at=None).update(revoked_at=now)
    tokens = {pk: token_urlsafe(32) for pk in part_pks}
    BootToken.objects.bulk_create(
        BootToken(
            part_id=pk, purpose=purpose, token_sha256=sha256(token.encode()).hexdigest(), expires_at=now + valid_for
        )
        for pk, token in tokens.items()
    )
    return tokens


@transaction.atomic
def begin_work(*, claim: Claim, part_pks: Sequence[int], stage: str, time_limit: timedelta) -> list[OperationServer]:
    """Note that a playbook begins to work on some ready parts; returns those that it may work on."""
    guard(claim)
    now = clock.now()
    begun = locked_parts(part_pks, PartState.READY)
    for parts in alike(begun):
        first = parts[0]
        is_new = first.stage != stage
        advance_alike(
            parts,
            PartState.WORKING,
            actor=SYSTEM,
            data={"step": first.step, "epoch": claim.epoch},
            stage=stage,
            step_attempts=first.step_attempts + 1,
            step_started_at=now,
            state_deadline_at=now + time_limit,
            percent=0 if is_new else first.percent,
        )
        if is_new and first.step_attempts == 1:
            tell_of_each(parts, f"step.{stage}.started")
    return begun


@transaction.atomic
def begin_await(
    *, claim: Claim, part_pks: Sequence[int], stage: str, time_limit: timedelta, announce: bool = False, back: int = 0
) -> None:
    """Note that the portal now waits for some machines, and is to look at them after ``time_limit``.

    ``back`` is how many steps before the present one that is done.
    """
    guard(claim)
    now = clock.now()
    for parts in alike(locked_parts(part_pks)):
        first = parts[0]
        advance_alike(
            parts,
            PartState.AWAITING,
            actor=SYSTEM,
            data={"step": first.step - back},
            step=first.step - back,
            step_started_at=now,
            stage=stage,
            percent=0 if first.stage != stage else first.percent,
            state_deadline_at=now + time_limit,
        )
        if announce:
            tell_of_each(parts, f"step.{stage}.started")


@transaction.atomic
def wait_until(*, claim: Claim, part_pks: Sequence[int], until: datetime) -> None:
    """Let waiting parts wait until then."""
    guard(claim)
    OperationServer.objects.filter(pk__in=part_pks, state=PartState.AWAITING).exclude(state_deadline_at=until).update(
        state_deadline_at=until
    )


@transaction.atomic
def finish_steps(*, claim: Claim, part_pks: Sequence[int], stage: str, announce: bool = True) -> None:
    """Note that some parts' step is done; their next step is ready."""
    guard(claim)
    now = clock.now()
    parts = locked_parts(part_pks)
    # A boot that has reported has said all it may; ending it keeps the sweep from finding its report again. After
    # a playbook it stays: a quick machine reports while slower ones of its batch keep the playbook going.
    awaited = [part.pk for part in parts if part.state == PartState.AWAITING]
    BootToken.objects.filter(part__in=awaited, revoked_at=None, reported_at__isnull=False).update(revoked_at=now)
    took = {part.pk: int((now - part.step_started_at).total_seconds() * 1000) for part in parts}
    for done in alike(parts):
        step = done[0].step
        advance_alike(
            done,
            PartState.READY,
            actor=SYSTEM,
            data={"step": step, "done": True},
            step=step + 1,
            step_attempts=0,
            step_started_at=now,
            percent=100,
        )
    if announce:
        tell_of_each(parts, f"step.{stage}.done", took)


@transaction.atomic
def retry_step(*, claim: Claim, part_pk: int, error_code: str, attempts: int) -> None:
    """Make a step that failed ready again."""
    guard(claim)
    part = locked_part(part_pk)
    advance(part, PartState.READY, actor=SYSTEM, reason=error_code, data={"step": part.step})
    tell_of(part, "step.retried", reason=explain(error_code), attempt=part.step_attempts + 1, attempts=attempts)


@transaction.atomic
def repeat_step(*, claim: Claim, part_pks: Sequence[int], reason: str) -> None:
    """Make a step ready again for parts that must do it once more because of others; it is no attempt of theirs."""
    guard(claim)
    for parts in alike(locked_parts(part_pks, PartState.WORKING)):
        first = parts[0]
        advance_alike(
            parts,
            PartState.READY,
            actor=SYSTEM,
            reason=reason,
            data={"step": first.step},
            step_attempts=max(first.step_attempts - 1, 0),
        )


@transaction.atomic
def fail_part(*, claim: Claim, part_pk: int, error_code: str, detail: str = "") -> OperationServer:
    """Note that a server will not get through, and why; its boots end here."""
    guard(claim)
    return fail_locked(locked_part(part_pk), error_code, detail)


@transaction.atomic
def succeed_part(*, claim: Claim, part_pk: int, event_type: str) -> OperationServer:
    """Note that a server is through all its steps; its boots end here."""
    guard(claim)
    part = locked_part(part_pk)
    BootToken.objects.filter(part=part, revoked_at=None).update(revoked_at=clock.now())
    advance(part, PartState.SUCCEEDED, actor=SYSTEM, percent=100, verify_key_encrypted="", state_deadline_at=None)
    tell_of(part, event_type)
    return part


@transaction.atomic
def finish(*, claim: Claim) -> Operation:
    """Close an operation all of whose parts are final; succeeded only when every part is."""
    operation = guard(claim)
    failed = operation.parts.filter(state=PartState.FAILED).count()
    advance(
        operation,
        OperationState.FAILED if failed else OperationState.SUCCEEDED,
        actor=SYSTEM,
        reason=f"{failed} of {operation.parts.count()} servers failed" if failed else "",
        **_closed(),
    )
    return operation


def _closed() -> dict[str, Any]:
    return {"finished_at": clock.now(), "claimed_by": "", "claim_expires_at": None}


@transaction.atomic
def time_out(*, operation_pk: int) -> Operation | None:
    """End an open operation that is past its deadline and fail its open parts; None when it is not overdue."""
    operation = lock_row(Operation, operation_pk)
    overdue = operation.state_deadline_at is not None and operation.state_deadline_at < clock.now()
    if not overdue or operation.state not in OPEN_OPERATION:
        return None
    for locked in lock_rows(OperationServer.objects.filter(operation=operation, state__in=OPEN_PART)):
        fail_locked(locked_part(locked.pk), "operation_timeout")
    advance(operation, OperationState.TIMED_OUT, actor=SYSTEM, epoch=operation.epoch + 1, **_closed())
    return operation
