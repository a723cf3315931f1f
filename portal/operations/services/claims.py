"""Who works on an operation: a lease with a fencing epoch.

Each claim raises the epoch. Whoever writes for an operation passes its epoch; an older one is refused, so a worker
that was frozen and thaws changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import ClaimLost
from portal.core.locks import lock_row, lock_rows
from portal.operations.models import Operation, OperationServer
from portal.operations.services.events import tell
from portal.operations.services.parts import fail_locked, is_told, locked_part
from portal.operations.services.queue import wake_on_commit
from portal.operations.states import OPEN_OPERATION, OPEN_PART, OperationState, PartState


@dataclass(frozen=True)
class Claim:
    """The right to work on one operation until ``expires_at``."""

    operation_pk: int
    epoch: int
    worker: str
    expires_at: datetime


def _lease_end() -> datetime:
    return clock.now() + timedelta(seconds=settings.METALYARD_LEASE_SECONDS)


@transaction.atomic
def take(*, operation_pk: int, worker: str) -> Claim | None:
    """Claim an open operation that is due and that nobody holds; None when there is nothing to take."""
    now = clock.now()
    expires_at = _lease_end()
    free = Q(claimed_by="") & Q(not_before__lte=now) & Q(state__in=(OperationState.QUEUED, OperationState.RUNNING))
    taken = (
        Operation.objects.filter(free, pk=operation_pk)
        .exclude(state=OperationState.RUNNING, state_deadline_at__lt=now)
        .update(epoch=F("epoch") + 1, claimed_by=worker, claim_expires_at=expires_at)
    )
    if not taken:
        return None
    operation = lock_row(Operation, operation_pk)
    if operation.state == OperationState.QUEUED:
        advance(operation, OperationState.CLAIMED, actor=SYSTEM, data={"worker": worker, "epoch": operation.epoch})
        advance(operation, OperationState.RUNNING, actor=SYSTEM)
    return Claim(operation_pk, operation.epoch, worker, expires_at)


def renew(*, claim: Claim) -> datetime | None:
    """Prolong the lease and return its new end; None when the claim is lost."""
    expires_at = _lease_end()
    kept = Operation.objects.filter(
        pk=claim.operation_pk, epoch=claim.epoch, claimed_by=claim.worker, claim_expires_at__gt=clock.now()
    ).update(claim_expires_at=expires_at)
    return expires_at if kept else None


def give_back(*, claim: Claim) -> None:
    """Let go of an operation. Giving back what is lost does nothing."""
    Operation.objects.filter(pk=claim.operation_pk, epoch=claim.epoch, claimed_by=claim.worker).update(
        claimed_by="", claim_expires_at=None
    )


def guard(claim: Claim) -> Operation:
    """Lock the claimed operation for a write. Call inside a transaction. Raises ClaimLost."""
    operation = lock_row(Operation, claim.operation_pk)
    lease_holds = operation.claim_expires_at is not None and operation.claim_expires_at > clock.now()
    if operation.epoch != claim.epoch or operation.claimed_by != claim.worker or not lease_holds:
        raise ClaimLost(f"{operation.public_id} is no longer worked on by {claim.worker} (epoch {claim.epoch}).")
    return operation


@transaction.atomic
def take_away(*, operation_pk: int, may_repeat: bool, attempts: int) -> str:
    """Deal with a claim whose lease has run out: queue the operation anew, or fail it.

    Returns the state that the operation is in afterwards. A claim that was renewed meanwhile stays.
    """
    operation = lock_row(Operation, operation_pk)
    expired = operation.claim_expires_at is not None and operation.claim_expires_at <= clock.now()
    if operation.state not in OPEN_OPERATION or not expired:
        return operation.state
    lost = operation.attempts + 1
    again = may_repeat and lost < attempts
    cleared: dict[str, Any] = {
        "claimed_by": "",
        "claim_expires_at": None,
        "attempts": lost,
        "epoch": operation.epoch + 1,
    }
    parts = lock_rows(OperationServer.objects.filter(operation=operation, state__in=OPEN_PART))
    if not again:
        for part in parts:
            fail_locked(locked_part(part.pk), "worker_lost")
        Operation.objects.filter(pk=operation.pk).update(**cleared)
        wake_on_commit(operation.pk)
        return operation.state
    for part in parts:
        if part.state == PartState.WORKING:
            advance(part, PartState.READY, actor=SYSTEM, reason="its worker was lost")
    advance(operation, OperationState.QUEUED, actor=SYSTEM, reason=f"worker lost ({lost})", **cleared)
    if is_told(operation):
        tell(actor=SYSTEM, subject=operation.subject, event_type="operation.requeued", operation=operation)
    wake_on_commit(operation.pk)
    return operation.state
