"""Telling what happened, in words a customer understands."""

from typing import Any

from portal.core.actors import Actor
from portal.core.inserting import insert
from portal.fleet.models import Server
from portal.operations.event_types import EVENT_TYPES
from portal.operations.models import Operation, OperationEvent, OperationServer


def tell(
    *,
    actor: Actor,
    subject: str,
    event_type: str,
    part: OperationServer | None = None,
    operation: Operation | None = None,
    server: Server | None = None,
    hostname: str = "",
    duration_ms: int | None = None,
    **words: Any,
) -> OperationEvent:
    """Append an event. ``words`` fill the sentence of the type. Raises KeyError for an unknown type.

    What ``part`` names (operation, server, host name) need not be given.
    """
    event = OperationEvent(
        subject=subject,
        operation=part.operation if part else operation,
        server=part.server if part else server,
        hostname=part.hostname if part else hostname,
        type=event_type,
        message=EVENT_TYPES[event_type].format(**words),
        actor_label=actor.label[:200],
        data=words,
        duration_ms=duration_ms,
    )
    insert([event])
    return event
