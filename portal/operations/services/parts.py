"""One server's part in an operation: reading it under its lock, telling of it, failing it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portal.audit.transitions import advance
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.locks import lock_row, lock_rows
from portal.operations.failures import explain
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.services.events import tell, tell_each
from portal.operations.states import OperationKind, PartState


def locked_part(pk: int) -> OperationServer:
    """Lock one part and return it fresh, with its server and operation."""
    return OperationServer.objects.select_related("server", "operation").get(pk=lock_row(OperationServer, pk).pk)


def locked_parts(pks: Iterable[int], *states: PartState) -> list[OperationServer]:
    """Lock parts in order and return them with all that playbooks are told; with ``states``, those in one of them."""
    found = lock_rows(OperationServer.objects.filter(pk__in=list(pks), **({"state__in": states} if states else {})))
    whole = OperationServer.objects.select_related(
        "server__bmc", "server__fabric", "server__server_type", "operation__image", "operation__project"
    ).filter(pk__in=[part.pk for part in found])
    return list(whole.order_by("pk"))


def is_told(operation: Operation) -> bool:
    """Tell whether a customer reads of an operation: one that is for a reservation, and that it may have asked for."""
    return bool(operation.subject) and operation.kind != OperationKind.ISOLATE


def tell_of(part: OperationServer, event_type: str, duration_ms: int | None = None, **words: Any) -> None:
    """Tell of a part where somebody is there to read it: other work leaves the audit record only."""
    if is_told(part.operation):
        tell(
            actor=SYSTEM,
            subject=part.operation.subject,
            event_type=event_type,
            part=part,
            duration_ms=duration_ms,
            **words,
        )


def tell_of_each(
    parts: Sequence[OperationServer], event_type: str, durations_ms: Mapping[int, int] | None = None
) -> None:
    """Tell of parts of one operation as ``tell_of`` does of one; durations are by part."""
    if parts and is_told(parts[0].operation):
        tell_each(actor=SYSTEM, parts=parts, event_type=event_type, durations_ms=durations_ms)


def alike(parts: Iterable[OperationServer]) -> list[list[OperationServer]]:
    """Return parts in groups that are at the same point of their work, whose rows can be written together."""
    groups: dict[tuple[object, ...], list[OperationServer]] = defaultdict(list)
    for part in parts:
        groups[part.state, part.step, part.step_attempts, part.stage, part.percent].append(part)
    return list(groups.values())


def fail_locked(part: OperationServer, error_code: str, detail: str = "") -> OperationServer:
    """Note that a locked part will not get through, and why; its boots end here. Raises StateConflict when it is final.

    Call inside a transaction that holds the operation.
    """
    BootToken.objects.filter(part=part, revoked_at=None).update(revoked_at=clock.now())
    advance(
        part,
        PartState.FAILED,
        actor=SYSTEM,
        reason=explain(error_code),
        data={"step": part.step, "error_code": error_code, "detail": detail[:500]},
        error_code=error_code,
        verify_key_encrypted="",
    )
    tell_of(part, "server.failed", reason=explain(error_code), error_code=error_code)
    return part
