"""The life of a contract."""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class ContractState(StrEnum):
    """Names of the states of a contract."""

    DRAFT = "draft"
    QUOTED = "quoted"
    APPROVED = "approved"
    SENT = "sent"
    COUNTERSIGNED = "countersigned"
    ACTIVE = "active"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    LOST = "lost"


C = ContractState
OFFER_LASTS = timedelta(days=14)
"""For how long an offer and its capacity are kept, unless sales says otherwise."""

CONTRACT = StateTable.of(
    "contract",
    [C.DRAFT],
    State(C.DRAFT, "Being written; nothing is held.", Nature.REST, (C.QUOTED, C.LOST)),
    State(
        C.QUOTED,
        "Priced, and its capacity is held until the offer runs out.",
        Nature.WORKING,
        (C.APPROVED, C.SENT, C.DRAFT, C.LOST),
        OFFER_LASTS,
        C.LOST,
    ),
    State(
        C.APPROVED,
        "Everybody who must agree has agreed.",
        Nature.WORKING,
        (C.SENT, C.DRAFT, C.LOST),
        OFFER_LASTS,
        C.LOST,
    ),
    State(
        C.SENT,
        "With the customer, as a document that no longer changes.",
        Nature.WORKING,
        (C.COUNTERSIGNED, C.LOST),
        OFFER_LASTS,
        C.LOST,
    ),
    State(C.COUNTERSIGNED, "Signed by the customer; waits to be activated.", Nature.REST, (C.ACTIVE, C.LOST)),
    State(C.ACTIVE, "In force.", Nature.REST, (C.EXPIRED, C.TERMINATED)),
    State(C.EXPIRED, "Its term is over.", Nature.FINAL),
    State(C.TERMINATED, "Ended before its term, or replaced by a later version.", Nature.FINAL),
    State(C.LOST, "Nothing came of it.", Nature.FINAL),
)

OFFERED = (C.QUOTED, C.APPROVED, C.SENT)
"""States in which capacity is held until the offer runs out."""

SHOWN = (C.SENT, C.COUNTERSIGNED, C.ACTIVE, C.EXPIRED, C.TERMINATED)
"""States that the customer sees: before they are sent, contracts are nobody's business but sales'."""

SIGNED = (C.COUNTERSIGNED, C.ACTIVE, C.EXPIRED, C.TERMINATED)
"""States of a contract that the customer has signed."""
