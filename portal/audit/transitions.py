"""The only way a state changes: compare-and-set and the audit row, in one transaction."""

from typing import Any

from django.db import transaction

from portal.audit.services import record, target_of
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
    before = row.state
    name = f"{row.STATES.name} {target_of(row)}"
    if not row.STATES.allows(before, to):
        raise StateConflict(
            f"{name} is {before}; it cannot become {to}.",
            extra={"state": before, "allowed": row.STATES.followers(before)},
        )
    now = clock.now()
    deadline = row.STATES.states[to].deadline
    change: dict[str, Any] = {
        "state_deadline_at": now + deadline if deadline else None,
        **fields,
        "state": to,
        "state_reason": reason,
        "state_changed_at": now,
    }
    # No savepoint: a step that is refused has written nothing that would have to be undone.
    with transaction.atomic(savepoint=False):
        changed = type(row)._default_manager.filter(pk=row.pk, state=before).update(**change)
        if changed == 1:
            record(
                actor=actor,
                verb=f"{row.STATES.name}.state_changed",
                target=target_of(row),
                scope=scope,
                data={**(data or {}), "from": before, "to": to, "reason": reason},
            )
    if changed != 1:
        raise StateConflict(f"{name} is no longer {before}: somebody else changed it meanwhile. Look again.")
    for field, value in change.items():
        setattr(row, field, value)
