"""The only way a state changes: compare-and-set and the audit row, in one transaction."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from portal.audit.services import record_each, target_of
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.models import Stateful


def advance(
    row: Stateful,
    to: str,
    *,
    actor: Actor,
    reason: str = "",
    scope: str = "",
    data: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move ``row`` from the state it was read in to ``to``, writing ``fields`` along, and record it.

    Raises StateConflict when the table does not allow the step, or when the row has left that state meanwhile;
    then nothing is written and ``row`` is as before. ``state_deadline_at`` among the fields takes the place of the
    table's deadline.
    """
    advance_alike([row], to, actor=actor, reason=reason, scope=scope, data=data, **fields)


def advance_alike(
    rows: Sequence[Stateful],
    to: str,
    *,
    actor: Actor,
    reason: str = "",
    scope: str = "",
    data: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move rows of one model that were read in one state as ``advance`` moves one, each with a record of its own.

    Raises StateConflict as ``advance`` does, for any of them; then the transaction is to be rolled back unless there
    is only one.
    """
    before, table = rows[0].state, rows[0].STATES
    name = f"{table.name} {target_of(rows[0])}"
    if any(row.state != before or not table.allows(before, to) for row in rows):
        raise StateConflict(
            f"{name} is {before}; it cannot become {to}.",
            extra={"state": before, "allowed": table.followers(before)},
        )
    now = clock.now()
    deadline = table.states[to].deadline
    change: dict[str, Any] = {
        "state_deadline_at": now + deadline if deadline else None,
        **fields,
        "state": to,
        "state_reason": reason,
        "state_changed_at": now,
    }
    told = {**(data or {}), "from": before, "to": to, "reason": reason}
    # No savepoint: a step of one row that is refused has written nothing that would have to be undone.
    with transaction.atomic(savepoint=False):
        changed = type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows], state=before).update(**change)
        if changed == len(rows):
            record_each(
                actor=actor,
                verb=f"{table.name}.state_changed",
                told={target_of(row): told for row in rows},
                scope=scope,
            )
        elif changed:
            raise _left(name, before)
    if not changed:
        raise _left(name, before)
    for row in rows:
        for field, value in change.items():
            setattr(row, field, value)


def _left(name: str, before: str) -> StateConflict:
    return StateConflict(f"{name} is no longer {before}: somebody else changed it meanwhile. Look again.")
