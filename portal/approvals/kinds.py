"""The kinds of decision, each registered by the room whose deed it is.

A room registers from ``ready`` of its AppConfig, where importing its models has become possible:
``kinds.register(import_string("portal.quotas.intents.QUOTA_INCREASE"))``. By convention ``staff_permission`` is
``<app>.decide_<name>``, in the Meta of the model that is decided on, and who of the staff has it is said in
``portal.tenancy.staff``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from portal.approvals.states import WAIT
from portal.core.actors import Actor
from portal.core.errors import InvalidInput

if TYPE_CHECKING:
    # Apps register while models are still being loaded.
    from portal.approvals.models import Approval
    from portal.tenancy.models import User

Carry = Callable[[Actor, "Approval"], object]


def _nothing(_actor: Actor, _approval: "Approval") -> None:
    return None


def _unsaid(_data: Mapping[str, Any]) -> str:
    return ""


def _none(_person: "User") -> Q:
    return Q(pk__in=[])


@dataclass(frozen=True)
class Kind:
    """One kind of decision.

    ``execute`` does what was asked, as the person who approved, in the transaction of the decision; what it raises
    undoes the decision too. ``drop`` is called instead where it is rejected, withdrawn or expires: the approval's state
    says which. Both get the approval in its new state, locked. ``size`` says in a few words how much it is about.
    ``wait`` is how long it waits for a decision. ``barred`` is the condition of approvals that a person does not decide
    on although the role does, beside those that it asked for itself; ``why_barred`` says why.
    """

    name: str
    title: str
    staff_permission: str
    execute: Carry
    drop: Carry = _nothing
    size: Callable[[Mapping[str, Any]], str] = _unsaid
    wait: timedelta = WAIT
    barred: Callable[["User"], Q] = _none
    why_barred: str = ""


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. Raises ValueError for a name that another kind has."""
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"There is a kind of approval named {kind.name!r} already.")


def find_kind(name: str) -> Kind | None:
    """Return the kind of that name, if somebody registered one."""
    return _KINDS.get(name)


def kind_of(name: str) -> Kind:
    """Return the kind of that name. Raises InvalidInput on ``kind`` for one that nobody registered."""
    kind = find_kind(name)
    if kind is None:
        known = ", ".join(sorted(_KINDS))
        raise InvalidInput.of("kind", "unknown", f"{name!r} is no kind of approval. Known: {known}.")
    return kind


def all_kinds() -> tuple[Kind, ...]:
    """Return all kinds, by title."""
    return tuple(sorted(_KINDS.values(), key=lambda kind: kind.title))
