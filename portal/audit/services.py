"""Writing the record."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from portal.audit.models import AuditEvent
from portal.core.actors import Actor
from portal.core.inserting import insert, insert_each


def record(
    *,
    actor: Actor,
    verb: str,
    target: str,
    scope: str = "",
    data: dict[str, Any] | None = None,
    beside: models.Model | None = None,
) -> AuditEvent:
    """Append one row. Call it inside the transaction of the change that it tells of.

    ``beside`` is a new row of another model that is written by the same statement.
    """
    row = _row(actor, verb, target, scope, data or {})
    insert_each(row, *([beside] if beside else []))
    return row


def record_each(*, actor: Actor, verb: str, told: Mapping[str, dict[str, Any]], scope: str = "") -> None:
    """Append a row for each target, with its data, by one statement. Call it as ``record``."""
    if told:
        insert([_row(actor, verb, target, scope, data) for target, data in told.items()])


def _row(actor: Actor, verb: str, target: str, scope: str, data: dict[str, Any]) -> AuditEvent:
    return AuditEvent(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:200],
        request_id=actor.request_id[:64],
        verb=verb,
        target=target,
        scope=scope,
        data=data,
    )


def target_of(row: models.Model) -> str:
    """Return what the record calls a row: its public id, or model and key where it has none."""
    return str(getattr(row, "public_id", "") or f"{row._meta.label_lower}:{row.pk}")
