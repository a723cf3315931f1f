"""Acts: what staff may do to objects. Each calls one service as the person who is logged in.

As with panels, an act is hung onto a model by the app that its service belongs to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import models

from portal.audit.staff.forms import ActForm, ReasonForm
from portal.core.actors import Actor
from portal.core.models import Stateful


class On(StrEnum):
    """Where an act is offered."""

    ROW = "row"
    ROWS = "rows"  # on one object, and on several chosen in the list
    LIST = "list"  # it makes a new object


@dataclass(frozen=True)
class Secret:
    """Something that an act has made and that is shown once: never kept in a message, a session or the record."""

    title: str
    value: str
    note: str


Values = Mapping[str, Any]
Result = Secret | models.Model | None


def _always(_row: Any) -> bool:
    return True


def _nothing(_row: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Act:
    """One thing that may be done.

    ``perform`` gets the person, the object (None for an act on the list) and what the form holds, and calls a service;
    it returns a secret to be shown once, an object to go to, or nothing. ``effects`` are the sentences that the page
    before it says; ``done`` is the one after it, or is asked for it with what was returned. ``fits`` tells whether its
    button is shown on an object; what is possible the service decides.
    """

    name: str
    title: str
    permission: str
    perform: Callable[[Actor, Any, Values], Result]
    effects: tuple[str, ...]
    done: str | Callable[[Result], str]
    on: On = On.ROW
    form: type[ActForm] = ReasonForm
    fits: Callable[[Any], bool] = _always
    initial: Callable[[Any], dict[str, Any]] = _nothing
    icon: str = "play_arrow"
    is_grave: bool = False


@dataclass
class _Hung:
    acts: list[Act] = field(default_factory=list)
    warnings: list[Callable[[Any], Sequence[str]]] = field(default_factory=list)


_HUNG: dict[type[models.Model], _Hung] = {}


def act_on(model: type[models.Model], *acts: Act) -> None:
    """Offer acts on a model. Raises ValueError for a name that is taken."""
    known = _HUNG.setdefault(model, _Hung()).acts
    for act in acts:
        if any(other.name == act.name for other in known):
            raise ValueError(f"{model.__name__} has an act named {act.name!r} already.")
        known.append(act)


def warn_before_acts_on(model: type[models.Model], warning: Callable[[Any], Sequence[str]]) -> None:
    """Let the page before an act say what else depends on the object."""
    _HUNG.setdefault(model, _Hung()).warnings.append(warning)


def acts_on(model: type[models.Model]) -> Sequence[Act]:
    """Return a model's acts in the order in which they are offered."""
    return tuple(_HUNG.get(model, _Hung()).acts)


def warnings_for(row: models.Model) -> list[str]:
    """Return what else depends on an object."""
    return [line for warning in _HUNG.get(type(row), _Hung()).warnings for line in warning(row)]


def may_become(state: str) -> Callable[[Stateful], bool]:
    """Return the question whether an object's state may be followed by ``state``."""
    return lambda row: row.STATES.allows(row.state, state)


def in_state(*states: str) -> Callable[[Stateful], bool]:
    """Return the question whether an object is in one of ``states``."""
    return lambda row: row.state in states
