"""The states of everything as a page: diagrams and tables drawn from the tables that the code runs on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from portal.approvals.states import APPROVAL
from portal.billing.states import INVOICE
from portal.catalog.states import IMAGE_IMPORT, PRICE_BOOK
from portal.contracts.states import CONTRACT
from portal.core.states import Nature, State, StateTable
from portal.fleet.states import SERVER
from portal.operations.states import OPERATION, PART, PARTS_OF
from portal.quotas.states import QUOTA_REQUEST
from portal.reservations.states import (
    ALLOCATION,
    ALLOCATIONS_OF,
    QUOTE,
    RESERVATION,
    RESERVATIONS_OF,
    WAITLIST,
)
from portal.sla.states import CREDIT, INCIDENT, MAINTENANCE
from portal.webhooks.states import ENDPOINT

COMMAND = "manage.py write_state_diagrams"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

INTRODUCTION = f"""\
# States

Written by `{COMMAND}` from the tables that the code runs on. Change the tables, not this page; a test fails
when the two differ.

A state changes only by `portal.audit.transitions.advance`, along the arrows, with a row in the audit record.

- **working**: must leave by itself within its deadline. A sweep moves what is overdue along the arrow that says when.
- **rest**: waits for somebody, or for a point in time that is kept elsewhere on the row.
- **final**: nothing follows.
"""


@dataclass(frozen=True)
class Chapter:
    """One table on the page: its title, and the file that it stands in."""

    title: str
    table: StateTable
    source: str


@dataclass(frozen=True)
class Fit:
    """Which states of the children are legal under each state of the parent; a sweep reports what does not fit."""

    parent: str
    children: str
    legal: Sequence[tuple[str, Sequence[str]]]


CHAPTERS = (
    Chapter("Server", SERVER, "portal/fleet/states.py"),
    Chapter("Import of an own image", IMAGE_IMPORT, "portal/catalog/states.py"),
    Chapter("Price book", PRICE_BOOK, "portal/catalog/states.py"),
    Chapter("Approval: a decision that takes two people", APPROVAL, "portal/approvals/states.py"),
    Chapter("Request for quota", QUOTA_REQUEST, "portal/quotas/states.py"),
    Chapter("Quote", QUOTE, "portal/reservations/states.py"),
    Chapter("Entry of the waiting list", WAITLIST, "portal/reservations/states.py"),
    Chapter("Invoice", INVOICE, "portal/billing/states.py"),
    Chapter("Reservation", RESERVATION, "portal/reservations/states.py"),
    Chapter("Contract", CONTRACT, "portal/contracts/states.py"),
    Chapter("Allocation: one server of a reservation", ALLOCATION, "portal/reservations/states.py"),
    Chapter("Operation", OPERATION, "portal/operations/states.py"),
    Chapter("Part: one server's share of an operation", PART, "portal/operations/states.py"),
    Chapter("Credit for a promise that was missed", CREDIT, "portal/sla/states.py"),
    Chapter("Incident", INCIDENT, "portal/sla/states.py"),
    Chapter("Announced maintenance", MAINTENANCE, "portal/sla/states.py"),
    Chapter("Endpoint of a webhook", ENDPOINT, "portal/webhooks/states.py"),
)
FITS = (
    Fit("Quote", "Its reservation", tuple(RESERVATIONS_OF.items())),
    Fit("Reservation", "Allocations", tuple(ALLOCATIONS_OF.items())),
    Fit("Operation", "Parts", tuple(PARTS_OF.items())),
)


def document(chapters: Sequence[Chapter] = CHAPTERS, fits: Sequence[Fit] = FITS) -> str:
    """Return the whole page as Markdown."""
    parts = [INTRODUCTION, *map(_chapter, chapters), "## What fits together\n", *map(_fit, fits)]
    return "\n".join(parts)


def diagram(table: StateTable) -> str:
    """Return a Mermaid state diagram (https://mermaid.js.org/syntax/stateDiagram.html) with every step of the table."""
    lines = ["stateDiagram-v2"]
    lines += [f"[*] --> {name}" for name in table.initial]
    for state in table.states.values():
        lines += [_arrow(state, after) for after in state.then]
    lines += [f"{name} --> [*]" for name in table.named(Nature.FINAL)]
    return "\n    ".join(lines) + "\n"


def _arrow(state: State, after: str) -> str:
    late = f" : after {_length(state.deadline)} at the latest" if state.deadline and state.overdue == after else ""
    return f"{state.name} --> {after}{late}"


def _chapter(chapter: Chapter) -> str:
    rows = [
        (
            f"`{state.name}`",
            state.meaning,
            state.nature.value,
            _length(state.deadline) if state.deadline else "",
            f"`{state.overdue}`" if state.overdue else "",
        )
        for state in chapter.table.states.values()
    ]
    table = _table(("State", "Meaning", "Nature", "Deadline", "Overdue, it becomes"), rows)
    source = f"[{chapter.source}](../{chapter.source})"
    return f"## {chapter.title}\n\n{source}\n\n```mermaid\n{diagram(chapter.table)}```\n\n{table}"


def _fit(fit: Fit) -> str:
    rows = [(f"`{state}`", ", ".join(f"`{child}`" for child in children)) for state, children in fit.legal]
    return _table((fit.parent, f"{fit.children} may be"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _length(span: timedelta) -> str:
    """Write a deadline: whole hours as hours, all else as minutes."""
    return f"{span // HOUR} h" if span % HOUR == timedelta(0) else f"{span / MINUTE:g} min"
