"""What counts as down, by version: a table. A credit keeps the version that it was measured by; none is ever edited."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What is looked at: the first from outside, the others out of band, by the BMC."""

    REACHABLE = "reachable"
    POWER = "power"
    GPU_COUNT = "gpu_count"
    XID_ECC = "xid_ecc"
    LINK = "link"


class Condition(StrEnum):
    """What a sample says, and what a server is as a whole."""

    UP = "up"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    DOWN = "down"


class Cause(StrEnum):
    """Why time is not measured at all."""

    MAINTENANCE = "maintenance"
    TENANT = "tenant"


@dataclass(frozen=True)
class Definition:
    """One version. ``worst`` is the most that a sample of a kind can count as; times are in seconds.

    A sample stands until the next one, where that comes within ``gap``. ``settling`` is how long a server may take to
    come up after the tenant had it started.
    """

    version: int
    worst: Mapping[Kind, Condition]
    gap: int
    settling: int
    sentences: tuple[str, ...]


DEFINITIONS: dict[int, Definition] = {
    1: Definition(
        version=1,
        worst=dict.fromkeys(Kind, Condition.DOWN),
        gap=300,
        settling=900,
        sentences=(
            "A server is measured from its hand-over until its release, in seconds.",
            "It is down while any of reachability, power, GPU count, Xid/ECC errors or link fails; an outage begins "
            "with the first failed sample and ends with the first good one.",
            "A sample stands until the next one, for 5 minutes at most. Of two that speak of one instant and one "
            "kind, the one that was recorded later counts.",
            "What we could not measure counts as up. A probe of ours that fails by itself says nothing of a server.",
            "Not measured is maintenance that was announced in time, within the quarter's allowance, and what the "
            "tenant asked for by an operation: while it runs, while the server is off or in the rescue system by it, "
            "and 15 minutes to come up after it.",
            "Availability is (measured - down - weight x degraded) / measured. The credit is the tier's percentage of "
            "the server's price of the month, rounded once.",
        ),
    )
}
"""All versions that credits may refer to."""
DEFINITIONS[2] = replace(
    DEFINITIONS[1],
    version=2,
    sentences=(
        *DEFINITIONS[1].sentences[:2],
        "Reachability is sampled from outside and power by the management controller once a minute; GPU count, Xid/ECC "
        "errors and link by the management controller every other minute, while the server is on.",
        *DEFINITIONS[1].sentences[2:],
        "What is handed over late earns a credit by the tier's steps, counted in the month in which they begin. A "
        "server that was never handed over is late until the reservation ends or is called off; its credits of a month "
        "are at most the price of the time that was missed, which is not billed either.",
    ),
)

CURRENT = DEFINITIONS[2]
"""What months are measured by from now on."""

CLOSE_AFTER = timedelta(hours=6)
"""How long after its end a month is measured by itself: late samples have come by then."""
