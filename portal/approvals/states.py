"""The life of a decision that takes two people."""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable

WAIT = timedelta(days=7)
"""How long something waits for a decision unless its kind says otherwise."""


class ApprovalState(StrEnum):
    """Names of the states of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


A = ApprovalState

APPROVAL = StateTable.of(
    "approval",
    [A.PENDING],
    State(
        A.PENDING,
        "Somebody other than who asked has yet to decide.",
        Nature.WORKING,
        (A.APPROVED, A.REJECTED, A.WITHDRAWN, A.EXPIRED),
        WAIT,
        A.EXPIRED,
    ),
    State(A.APPROVED, "It was done at the moment of the decision.", Nature.FINAL),
    State(A.REJECTED, "It is not done; the comment says why.", Nature.FINAL),
    State(A.WITHDRAWN, "Whoever asked no longer wants it, or there is nothing left to decide.", Nature.FINAL),
    State(A.EXPIRED, "Nobody decided in time.", Nature.FINAL),
)

DECIDED = (A.APPROVED, A.REJECTED)
"""States that somebody has put it into: who that was is kept."""
