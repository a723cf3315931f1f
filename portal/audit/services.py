"""Writing the record."""

from typing import Any

from portal.audit.models import AuditEvent
from portal.core.actors import Actor


def record(
    *,
    actor: Actor,
    verb: str,
    target: str,
    scope: str = "",
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one row. Call it inside the transaction of the change that it tells of."""
    return AuditEvent.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:200],
        request_id=actor.request_id[:64],
        verb=verb,
        target=target,
        scope=scope,
        data=data or {},
    )
