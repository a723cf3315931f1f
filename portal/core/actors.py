"""Who does something: every service takes an actor, and every audit row names one."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of doer that an audit row may name."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    SYSTEM = "system"
    AGENT = "agent"


@dataclass(frozen=True)
class Actor:
    """A doer: kind, stable id and a label that a person understands."""

    kind: ActorKind
    id: str
    label: str
    request_id: str = ""

    def __str__(self) -> str:
        """Return the label."""
        return self.label


SYSTEM = Actor(ActorKind.SYSTEM, "system", "Metalyard")
