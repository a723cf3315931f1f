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
        names = [state.name for state in states]
        if len(set(names)) < len(names):
            raise ValueError(f"{name} names a state twice: {names}.")
        table = cls(name, {state.name: state for state in states}, tuple(initial))
        table._check()
        return table

    def _check(self) -> None:
        if not self.initial or not set(self.initial) <= set(self.states):
            raise ValueError(f"{self.name} begins in {list(self.initial)}: name one or more of its states.")
        for state in self.states.values():
            self._check_state(state)
        lost = set(self.states) - self.reachable(*self.initial)
        if lost:
            raise ValueError(f"{self.name}: nothing leads to {sorted(lost)}.")

    def _check_state(self, state: State) -> None:
        unknown = [name for name in (*state.then, *filter(None, [state.overdue])) if name not in self.states]
        if unknown:
            raise ValueError(f"{self.name}.{state.name} names unknown states {unknown}.")
        if state.name in state.then:
            raise ValueError(f"{self.name}.{state.name} follows itself: that is no change.")
        if (state.nature is Nature.FINAL) != (not state.then):
            raise ValueError(f"{self.name}.{state.name}: final states, and only they, have no successor.")
        if (state.nature is Nature.WORKING) != (state.deadline is not None):
            raise ValueError(f"{self.name}.{state.name}: working states, and only they, have a deadline.")
        if state.deadline is not None and state.deadline <= timedelta(0):
            raise ValueError(f"{self.name}.{state.name}: a deadline must lie ahead.")
        if state.deadline is None and state.overdue:
            raise ValueError(f"{self.name}.{state.name} has no deadline and cannot become overdue.")
        if state.deadline is not None and state.overdue not in state.then:
            raise ValueError(f"{self.name}.{state.name}: an overdue state must move to one of its successors.")

    def reachable(self, *starts: str) -> set[str]:
        """Return ``starts`` and every state that they can lead to."""
        found: set[str] = set()
        queue = list(starts)
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue.extend(self.states[name].then)
        return found

    def allows(self, before: str, after: str) -> bool:
        """Tell whether ``after`` may follow ``before``."""
        return after in self.followers(before)

    def followers(self, name: str) -> list[str]:
        """List the states that may follow ``name``; none for a state that the table does not know."""
        return list(self.states[name].then) if name in self.states else []

    def named(self, nature: Nature) -> tuple[str, ...]:
        """List the states of one nature."""
        return tuple(state.name for state in self.states.values() if state.nature is nature)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return Django choices."""
        return [(name, name.replace("_", " ")) for name in self.states]
