"""The life of a reservation and of its allocations."""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable
from portal.fleet.states import ServerState


class ReservationState(StrEnum):
    """Names of the states of a reservation."""

    HELD = "held"
    SCHEDULED = "scheduled"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class AllocationState(StrEnum):
    """Names of the states of an allocation."""

    BOOKED = "booked"
    SERVING = "serving"
    CLEANING = "cleaning"
    RELEASED = "released"
    FAILED = "failed"


class QuoteState(StrEnum):
    """Names of the states of a quote."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class WaitlistState(StrEnum):
    """Names of the states of an entry of the waiting list."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


R = ReservationState
A = AllocationState
Q = QuoteState
W = WaitlistState

RESERVATION = StateTable.of(
    "reservation",
    [R.HELD, R.SCHEDULED],
    State(
        R.HELD,
        "Capacity is kept while the customer decides.",
        Nature.WORKING,
        (R.SCHEDULED, R.CANCELLED, R.EXPIRED),
        timedelta(minutes=15),
        R.EXPIRED,
    ),
    State(
        R.SCHEDULED,
        "Confirmed; its preparation begins in time for the start.",
        Nature.REST,
        (R.PROVISIONING, R.CANCELLED, R.FAILED),
    ),
    State(
        R.PROVISIONING,
        "Its servers are being imaged.",
        Nature.WORKING,
        (R.ACTIVE, R.FAILED, R.ENDING),
        timedelta(hours=5),
        R.ENDING,
    ),
    State(R.ACTIVE, "The tenant has its servers.", Nature.REST, (R.ENDING,)),
    State(
        R.ENDING,
        "Its servers are being erased.",
        Nature.WORKING,
        (R.ENDED,),
        timedelta(hours=8),
        R.ENDED,
    ),
    State(R.ENDED, "Over; all servers are taken back.", Nature.FINAL),
    State(R.CANCELLED, "Called off before it began.", Nature.FINAL),
    State(R.EXPIRED, "The hold ran out.", Nature.FINAL),
    State(R.FAILED, "No server could be handed over.", Nature.FINAL),
)

ALLOCATION = StateTable.of(
    "allocation",
    [A.BOOKED],
    State(
        A.BOOKED, "The server is kept for the reservation.", Nature.REST, (A.SERVING, A.CLEANING, A.RELEASED, A.FAILED)
    ),
    State(A.SERVING, "The server is handed over.", Nature.REST, (A.CLEANING,)),
    State(A.CLEANING, "The server is being erased.", Nature.REST, (A.RELEASED,)),
    State(A.RELEASED, "The server is no longer this reservation's.", Nature.FINAL),
    State(A.FAILED, "The server could not be handed over and left the pool.", Nature.FINAL),
)

QUOTE = StateTable.of(
    "quote",
    [Q.OPEN],
    State(
        Q.OPEN,
        "The price is kept, and with a hold the capacity.",
        Nature.WORKING,
        (Q.ACCEPTED, Q.WITHDRAWN, Q.EXPIRED),
        timedelta(minutes=15),
        Q.EXPIRED,
    ),
    State(Q.ACCEPTED, "It became a reservation.", Nature.FINAL),
    State(Q.WITHDRAWN, "Given up by the customer.", Nature.FINAL),
    State(Q.EXPIRED, "Not accepted in time.", Nature.FINAL),
)

WAITLIST = StateTable.of(
    "waitlist_entry",
    [W.WAITING],
    State(W.WAITING, "No capacity that suits was free yet.", Nature.REST, (W.OFFERED, W.WITHDRAWN, W.LAPSED)),
    State(
        W.OFFERED,
        "Capacity is held for it until the offer expires.",
        Nature.WORKING,
        (W.ACCEPTED, W.WAITING, W.WITHDRAWN, W.LAPSED),
        timedelta(hours=4),
        W.WAITING,
    ),
    State(W.ACCEPTED, "It became a reservation.", Nature.FINAL),
    State(W.WITHDRAWN, "Given up by the customer.", Nature.FINAL),
    State(W.LAPSED, "Its latest start passed, or it let too many offers go by.", Nature.FINAL),
)

WITHOUT_IMAGE = (R.HELD, R.CANCELLED, R.EXPIRED)
"""States of a reservation for which nobody has chosen an image yet, and perhaps never will."""

HOLDING = (A.BOOKED, A.SERVING, A.CLEANING)
"""States in which an allocation keeps its server from others: the condition of the exclusion constraint."""

LIVE = (R.HELD, R.SCHEDULED, R.PROVISIONING, R.ACTIVE, R.ENDING)
"""States in which a reservation counts against quotas and keeps its name."""

TO_COME = (R.HELD, R.SCHEDULED, R.PROVISIONING)
"""States in which a reservation may yet be handed over: what was agreed will be owed."""

OPEN_WISH = (W.WAITING, W.OFFERED)
"""States of an entry of the waiting list of which something may yet come."""

ALLOCATIONS_OF: dict[ReservationState, tuple[AllocationState, ...]] = {
    R.HELD: (A.BOOKED, A.RELEASED),
    R.SCHEDULED: (A.BOOKED, A.RELEASED),
    R.PROVISIONING: (A.BOOKED, A.SERVING, A.FAILED, A.RELEASED),
    R.ACTIVE: (A.BOOKED, A.SERVING, A.FAILED, A.RELEASED),
    R.ENDING: (A.CLEANING, A.RELEASED, A.FAILED),
    R.ENDED: (A.RELEASED, A.FAILED),
    R.CANCELLED: (A.RELEASED,),
    R.EXPIRED: (A.RELEASED,),
    R.FAILED: (A.FAILED, A.RELEASED),
}
"""Which states of the allocations are legal under each state of the reservation: an active one may have some added."""

RESERVATIONS_OF: dict[QuoteState, tuple[ReservationState, ...]] = {
    Q.OPEN: (R.HELD, R.EXPIRED),
    Q.ACCEPTED: (R.SCHEDULED, R.PROVISIONING, R.ACTIVE, R.ENDING, R.ENDED, R.CANCELLED, R.FAILED),
    Q.WITHDRAWN: (R.CANCELLED, R.EXPIRED),
    Q.EXPIRED: (R.EXPIRED,),
}
"""Which states of its reservation are legal under each state of a quote."""

HOLDERS_OF: dict[ServerState, tuple[AllocationState, ...]] = {
    ServerState.DEPLOYING: (A.BOOKED, A.CLEANING),
    ServerState.IN_USE: (A.SERVING, A.CLEANING),
}
"""Which states an allocation may have that a server in such a state is for: without one it is nobody's, and open."""
