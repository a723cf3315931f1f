"""The life of an endpoint."""

from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class EndpointState(StrEnum):
    """Names of the states of an endpoint."""

    ENABLED = "enabled"
    DISABLED = "disabled"


E = EndpointState

ENDPOINT = StateTable.of(
    "webhook_endpoint",
    [E.ENABLED],
    State(E.ENABLED, "What it has chosen is posted to it.", Nature.REST, (E.DISABLED,)),
    State(
        E.DISABLED,
        "Nothing is posted: the tenant wants it so, it answered 410, or took nothing for three days.",
        Nature.REST,
        (E.ENABLED,),
    ),
)
