"""Asking for work on machines, and calling it off."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Max

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.models import OSImage
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.core.waking import wake_worker
from portal.fleet.models import Server
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.selectors import reports_of
from portal.operations.states import (
    OPEN_OPERATION,
    OPEN_PART,
    OPERATION,
    PART,
    OperationKind,
    OperationState,
    PartState,
)
from portal.tenancy.models import Project

LEAST_GATHERING_S, GATHERING_S_EACH, MOST_GATHERING_S = 2.0, 0.1, 20.0
WAKE_TASK = "provisioning.run_operation"
BUSY = "Another operation works on one of these servers: wait for it or cancel it."


def wake_for_report(operation_pk: int) -> None:
    """Wake a worker for a machine's report, so that the others' that come soon share its playbook run.

    The first of several wakes it for a while later, the more are to come the later; the last one wakes it at once.
    """
    reported, to_come = reports_of(operation_pk)
    if to_come == 0:
        wake(operation_pk)
    elif reported <= 1:
        wake(operation_pk, gathering_s(to_come))


def gathering_s(to_come: int) -> float:
    """Return for how many seconds a report waits for so many others', to share a playbook run with them."""
    return min(LEAST_GATHERING_S + to_come * GATHERING_S_EACH, MOST_GATHERING_S)


def wake(operation_pk: int, countdown_s: float = 0) -> None:
    """Tell a worker that an operation has something to do. A lost or refused message costs one sweep, nothing more."""
    otherwise = f"the sweep will pick up operation {operation_pk}"
    wake_worker(WAKE_TASK, [operation_pk], otherwise=otherwise, countdown=countdown_s or None)


def wake_on_commit(operation_pk: int) -> None:
    """Wake a worker once the present transaction is committed."""
    transaction.on_commit(partial(wake, operation_pk))


@transaction.atomic
def queue_operation(
    *,
    actor: Actor,
    kind: OperationKind,
    servers: Sequence[tuple[Server, str]],
    subject: str = "",
    project: Project | None = None,
    image: OSImage | None = None,
    ssh_keys: Sequence[str] = (),
    user_data: str = "",
    not_before: datetime | None = None,
) -> Operation:
    """Queue work on ``servers``, each with the host name that it is to have.

    Raises StateConflict when a server is in another open operation; then nothing is queued.
    """
    now = clock.now()
    operation = Operation.objects.create(
        kind=kind,
        state=OperationState.QUEUED,
        state_deadline_at=now + (OPERATION.states[OperationState.QUEUED].deadline or now - now),
        subject=subject,
        project=project,
        requested_by=actor.label[:200],
        image=image,
        ssh_keys=list(ssh_keys),
        user_data=user_data,
        not_before=not_before or now,
    )
    _add_parts(operation, servers)
    record(
        actor=actor,
        verb="operation.queued",
        target=operation.public_id,
        scope=project.organization.public_id if project else "",
        data={"kind": kind, "subject": subject, "servers": [server.public_id for server, _ in servers]},
    )
    wake_on_commit(operation.pk)
    return operation


def _add_parts(operation: Operation, servers: Sequence[tuple[Server, str]], first: int = 0) -> None:
    ready, now = PART.states[PartState.READY], clock.now()
    parts = [
        OperationServer(
            operation=operation,
            server=server,
            position=position,
            hostname=hostname,
            state=PartState.READY,
            state_deadline_at=now + ready.deadline if ready.deadline else None,
        )
        for position, (server, hostname) in enumerate(servers, first)
    ]
    with refuse("server_in_one_open_operation", StateConflict(BUSY)):
        OperationServer.objects.bulk_create(parts)


def add_part(*, operation: Operation, server: Server, hostname: str) -> None:
    """Take one more server into an open operation that is locked. Raises StateConflict for one that is at work.

    Call inside a transaction; who calls notes why.
    """
    last = operation.parts.aggregate(last=Max("position"))["last"]
    _add_parts(operation, [(server, hostname)], first=0 if last is None else last + 1)


@transaction.atomic
def cancel_operation(*, actor: Actor, operation: Operation, reason: str) -> datetime:
    """Call off an open operation and what is left of its parts; one that is final already stays as it is.

    Returns the instant from which no worker can still be acting for it; later work on its servers must wait for it.
    """
    fresh = lock_row(Operation, operation.pk)
    free_from = fresh.claim_expires_at or clock.now()
    if fresh.state not in OPEN_OPERATION:
        return free_from
    for part in lock_rows(OperationServer.objects.filter(operation=fresh, state__in=OPEN_PART)):
        advance(part, PartState.CANCELLED, actor=actor, reason=reason, verify_key_encrypted="")
    BootToken.objects.filter(part__operation=fresh, revoked_at=None).update(revoked_at=clock.now())
    advance(
        fresh,
        OperationState.CANCELLED,
        actor=actor,
        reason=reason,
        epoch=fresh.epoch + 1,
        claimed_by="",
        claim_expires_at=None,
        finished_at=clock.now(),
    )
    return free_from
