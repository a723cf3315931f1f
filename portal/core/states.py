"""The type of a state table: which states exist, what follows what, how long each may last."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Nature(StrEnum):
    """How a state behaves in time."""

    WORKING = "working"  # must leave by itself within its deadline
    REST = "rest"  # waits for somebody or for a point in time kept elsewhere on the row
    FINAL = "final"  # nothing follows


@dataclass(frozen=True)
class State:
    """One state: its sentence for people, its nature, what may follow, and what becomes of it when it is overdue."""

    name: str
    meaning: str
    nature: Nature
    then: tuple[str, ...] = ()
    deadline: timedelta | None = None
    overdue: str = ""


@dataclass(frozen=True)
class StateTable:
    """All states of one kind of thing. Built once at import; a table that contradicts itself does not import."""

    name: str
    states: Mapping[str, State]
    initial: tuple[str, ...]

    @classmethod
    def of(cls, name: str, initial: Iterable[str], *states: State) -> "StateTable":
        """Build and check a table. Raises ValueError where the table contradicts itself."""
        table = cls(name, {state.name: state for state in states}, tuple(initial))
        table._check()
        return table

    def _check(self) -> None:
        for state in self.states.values():
            unknown = [name for name in (*state.then, *filter(None, [state.overdue])) if name not in self.states]
            if unknown:
                raise ValueError(f"{self.name}.{state.name} names unknown states {unknown}.")
            if (state.nature is Nature.FINAL) != (not state.then):
                raise ValueError(f"{self.name}.{state.name}: final states, and only they, have no successor.")
            if (state.nature is Nature.WORKING) != (state.deadline is not None):
                raise ValueError(f"{self.name}.{state.name}: working states, and only they, have a deadline.")
            if state.deadline and state.overdue not in state.then:
                raise ValueError(f"{self.name}.{state.name}: an overdue state must move to one of its successors.")

    def allows(self, before: str, after: str) -> bool:
        """Tell whether ``after`` may follow ``before``."""
        return before in self.states and after in self.states[before].then

    def named(self, nature: Nature) -> tuple[str, ...]:
        """List the states of one nature."""
        return tuple(state.name for state in self.states.values() if state.nature is nature)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return Django choices."""
        return [(name, name.replace("_", " ")) for name in self.states]
