"""The lives of credits, of incidents and of announced maintenance."""

from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class CreditState(StrEnum):
    """Names of the states of a credit."""

    DUE = "due"
    INVOICED = "invoiced"
    VOID = "void"


class IncidentState(StrEnum):
    """Names of the states of an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class MaintenanceState(StrEnum):
    """Names of the states of announced maintenance."""

    ANNOUNCED = "announced"
    DONE = "done"
    CANCELLED = "cancelled"


C = CreditState
I = IncidentState  # noqa: E741 - the table reads best with one letter
M = MaintenanceState

CREDIT = StateTable.of(
    "sla_credit",
    [C.DUE],
    State(C.DUE, "Goes on the next invoice.", Nature.REST, (C.INVOICED, C.VOID)),
    State(C.INVOICED, "Given to billing: the next invoices take it off until it is used up.", Nature.FINAL),
    State(C.VOID, "Taken back, with the reason.", Nature.FINAL),
)

INCIDENT = StateTable.of(
    "incident",
    [I.INVESTIGATING],
    State(I.INVESTIGATING, "We look for the cause.", Nature.REST, (I.IDENTIFIED, I.MONITORING, I.RESOLVED)),
    State(I.IDENTIFIED, "The cause is known; we mend it.", Nature.REST, (I.INVESTIGATING, I.MONITORING, I.RESOLVED)),
    State(I.MONITORING, "It is mended; we watch it.", Nature.REST, (I.INVESTIGATING, I.IDENTIFIED, I.RESOLVED)),
    State(I.RESOLVED, "Over.", Nature.FINAL),
)

MAINTENANCE = StateTable.of(
    "maintenance",
    [M.ANNOUNCED],
    State(M.ANNOUNCED, "To come, or going on.", Nature.REST, (M.DONE, M.CANCELLED)),
    State(M.DONE, "Over.", Nature.FINAL),
    State(M.CANCELLED, "Called off.", Nature.FINAL),
)
