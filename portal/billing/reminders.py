"""The table of reminders: how long after an invoice is due, in which words, and to whom. Pure.

Texts are filled with ``number``, ``open`` and ``due``; the pages' address follows by itself.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.tenancy.roles import Role


class Stage(StrEnum):
    """Names of the reminders, in their order."""

    FRIENDLY = "friendly"
    FIRM = "firm"
    LAST = "last"


@dataclass(frozen=True)
class Step:
    """One reminder; ``roles`` are the members who get it, or all who see invoices where nobody has such a role."""

    stage: Stage
    after: timedelta
    roles: tuple[Role, ...]
    subject: str
    text: str


ALL = (Role.OWNER, Role.ADMIN, Role.BILLING)

STEPS: tuple[Step, ...] = (
    Step(
        Stage.FRIENDLY,
        timedelta(days=3),
        (Role.BILLING,),
        "Invoice {number} was due on {due}",
        "{open} of invoice {number} is open; it was due on {due}. If you have paid meanwhile, nothing is left to do.",
    ),
    Step(
        Stage.FIRM,
        timedelta(days=14),
        ALL,
        "Reminder: invoice {number} is overdue",
        "{open} of invoice {number} is still open; it was due on {due}. Please pay it now, or tell us what is wrong "
        "with it.",
    ),
    Step(
        Stage.LAST,
        timedelta(days=30),
        ALL,
        "Last reminder: invoice {number} is overdue",
        "{open} of invoice {number} is still open; it was due on {due}. This is the last reminder by mail: our finance "
        "team will call you about it next.",
    ),
)
"""In the order of their time."""


def step_due(late: timedelta, sent: Container[str]) -> Step | None:
    """Return the reminder that an invoice which is late by so much should get now.

    Each is sent once, and none after a later one: who looks late sends only the last that is due.
    """
    due = [step for step in STEPS if step.after <= late]
    return due[-1] if due and due[-1].stage.value not in sent else None


def step_to_come(late: timedelta) -> Step | None:
    """Return the reminder that comes next if nothing is paid; None after the last."""
    return next((step for step in STEPS if step.after > late), None)


def shortest(steps: Sequence[Step] = STEPS) -> timedelta:
    """Return how late an invoice is before anybody is reminded."""
    return min(step.after for step in steps)
