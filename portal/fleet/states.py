"""The life of a server. Each working state has its failure twin and a deadline.

A server leaves ``releasing`` for the pool only by verified erasure; anything unproved ends in ``quarantined``.
"""

from datetime import timedelta
from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class ServerState(StrEnum):
    """Names of the states of a server."""

    ENROLLED = "enrolled"
    INSPECTING = "inspecting"
    INSPECT_FAILED = "inspect_failed"
    AVAILABLE = "available"
    DEPLOYING = "deploying"
    DEPLOY_FAILED = "deploy_failed"
    IN_USE = "in_use"
    RELEASING = "releasing"
    RELEASE_FAILED = "release_failed"
    MAINTENANCE = "maintenance"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


S = ServerState

SERVER = StateTable.of(
    "server",
    [S.ENROLLED, S.AVAILABLE],
    State(S.ENROLLED, "Known, not yet looked at.", Nature.REST, (S.INSPECTING, S.RETIRED)),
    State(
        S.INSPECTING,
        "Its hardware is being compared with what was bought.",
        Nature.WORKING,
        (S.RELEASING, S.INSPECT_FAILED),
        timedelta(minutes=30),
        S.INSPECT_FAILED,
    ),
    State(
        S.INSPECT_FAILED, "Its hardware is not what was bought.", Nature.REST, (S.INSPECTING, S.MAINTENANCE, S.RETIRED)
    ),
    State(
        S.AVAILABLE,
        "Erased, verified, off, and free to be deployed.",
        Nature.REST,
        (S.DEPLOYING, S.MAINTENANCE, S.QUARANTINED, S.RETIRED),
    ),
    State(
        S.DEPLOYING,
        "Being imaged for a reservation.",
        Nature.WORKING,
        (S.IN_USE, S.DEPLOY_FAILED, S.RELEASING),
        timedelta(hours=2),
        S.DEPLOY_FAILED,
    ),
    State(
        S.DEPLOY_FAILED,
        "Out of the pool: could not be handed over. May hold tenant data until erased.",
        Nature.WORKING,
        (S.RELEASING, S.QUARANTINED),
        timedelta(hours=24),
        S.QUARANTINED,
    ),
    State(S.IN_USE, "Handed over to a tenant.", Nature.REST, (S.RELEASING, S.QUARANTINED)),
    State(
        S.RELEASING,
        "Being erased and read back.",
        Nature.WORKING,
        (S.AVAILABLE, S.RELEASE_FAILED),
        timedelta(hours=6),
        S.RELEASE_FAILED,
    ),
    State(
        S.RELEASE_FAILED,
        "Erasure failed or could not be proved.",
        Nature.WORKING,
        (S.QUARANTINED,),
        timedelta(minutes=5),
        S.QUARANTINED,
    ),
    State(
        S.MAINTENANCE,
        "With the technicians.",
        Nature.REST,
        (S.INSPECTING, S.RELEASING, S.QUARANTINED, S.RETIRED),
    ),
    State(
        S.QUARANTINED,
        "Out of the pool until a person has looked at it and it was erased anew.",
        Nature.REST,
        (S.RELEASING, S.MAINTENANCE, S.RETIRED),
    ),
    State(S.RETIRED, "Gone for good.", Nature.FINAL),
)
