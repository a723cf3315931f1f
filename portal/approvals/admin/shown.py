"""How an approval looks: in the queue, on its own page, and on the page of what it is about."""

from typing import Any

from portal.approvals.kinds import find_kind
from portal.approvals.models import Approval
from portal.approvals.selectors import approvals_of
from portal.approvals.states import ApprovalState
from portal.audit.staff import columns
from portal.audit.staff.panels import Panel, show_on
from portal.core import clock


def title_of(row: Approval) -> str:
    """Return what is to be done; the bare name of a kind that is no longer there."""
    kind = find_kind(row.kind)
    return kind.title if kind else row.kind


def size_of(row: Approval) -> str:
    """Return in a few words how much it is about, where its kind says so."""
    kind = find_kind(row.kind)
    return kind.size(row.data) if kind else ""


def _waited(row: Approval) -> str:
    until = clock.now() if row.state == ApprovalState.PENDING else row.state_changed_at
    return columns.short(until - row.created_at)


WHAT = columns.column("What", title_of, "kind")
SUBJECT = columns.target("subject", "About")
ORGANIZATION = columns.link("organization", "Organization", "organization__name")
SIZE = columns.column("How much", size_of)
ASKED_BY = columns.field("requester_label", "Asked by")
WAITED = columns.column("Waited", _waited, "created_at")
DECIDED_BY = columns.column("Decided by", lambda row: columns.linked(row.decided_by), "decided_by__email")


def show_approvals_on(model: type[Any]) -> None:
    """Show on the page of a model's objects what was asked for about them: called by the room whose model it is."""
    show_on(
        model,
        Panel(
            "Approvals",
            Approval,
            lambda row: approvals_of(row.public_id).select_related("decided_by"),
            (
                columns.column("What", lambda row: columns.linked(row, title_of(row))),
                columns.state,
                SIZE,
                ASKED_BY,
                WAITED,
                DECIDED_BY,
            ),
        ),
    )
