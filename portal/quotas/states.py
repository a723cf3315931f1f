"""The life of a request for more quota."""

from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class QuotaRequestState(StrEnum):
    """Names of the states of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


Q = QuotaRequestState

QUOTA_REQUEST = StateTable.of(
    "quota_request",
    [Q.PENDING],
    State(Q.PENDING, "Sales have yet to answer.", Nature.REST, (Q.APPROVED, Q.DECLINED, Q.WITHDRAWN)),
    State(Q.APPROVED, "The limit was raised.", Nature.FINAL),
    State(Q.DECLINED, "The limit stays as it was.", Nature.FINAL),
    State(Q.WITHDRAWN, "Whoever asked no longer wants it.", Nature.FINAL),
)
