"""Telling what happened, in words a customer understands."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.core.actors import Actor
from portal.core.inserting import insert
from portal.fleet.models import Server
from portal.operations.event_types import EVENT_TYPES
from portal.operations.models import Operation, OperationEvent, OperationServer


def event_of(*, actor: Actor, subject: str, event_type: str, **words: Any) -> OperationEvent:
    """Return an event about no server that is yet to be written: by who writes it together with other rows.

    ``words`` fill the sentence of the type. Raises KeyError for an unknown type.
    """
    return OperationEvent(
        subject=subject,
        type=event_type,
        message=EVENT_TYPES[event_type].format(**words),
        actor_label=actor.label[:200],
        data=words,
    )


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
    """Append an event, as ``event_of`` returns it. Raises KeyError for an unknown type.

    What ``part`` names (operation, server, host name) need not be given.
    """
    event = event_of(actor=actor, subject=subject, event_type=event_type, **words)
    event.operation = part.operation if part else operation
    event.server = part.server if part else server
    event.hostname = part.hostname if part else hostname
    event.duration_ms = duration_ms
    insert([event])
    return event


def tell_each(
    *, actor: Actor, parts: Sequence[OperationServer], event_type: str, durations_ms: Mapping[int, int] | None = None
) -> None:
    """Append an event of each part of one operation as ``tell`` does, by one statement; durations are by part."""
    events = []
    for part in parts:
        event = event_of(actor=actor, subject=part.operation.subject, event_type=event_type)
        event.operation, event.server, event.hostname = part.operation, part.server, part.hostname
        event.duration_ms = durations_ms[part.pk] if durations_ms else None
        events.append(event)
    insert(events)
