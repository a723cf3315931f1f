"""How long turning servers over takes in fact."""

from datetime import timedelta
from math import ceil

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import ServerType
from portal.fleet.services import LONGEST_TIME, set_times
from portal.operations.models import OperationServer
from portal.operations.states import OperationKind, PartState

SAMPLES = 200
FEWEST_SAMPLES = 20
LOOK_BACK = timedelta(days=90)
PERCENTILE = 95
HEADROOM_PERCENT = 20
GRAIN = timedelta(minutes=5)


def measured_turnover(server_type: ServerType) -> timedelta | None:
    """Return how long to plan for erasing and checking a server of a type; None with too few measurements.

    It is the time within which 95 % of the last erasures were through, from when they were asked for, and a fifth
    more, in steps of five minutes.
    """
    rows = OperationServer.objects.filter(
        server__server_type=server_type,
        operation__kind=OperationKind.RELEASE,
        state=PartState.SUCCEEDED,
        state_changed_at__gt=clock.now() - LOOK_BACK,
    )
    ends = rows.order_by("-state_changed_at", "-pk").values_list("operation__created_at", "state_changed_at")
    took = sorted(end - start for start, end in ends[:SAMPLES])
    if len(took) < FEWEST_SAMPLES:
        return None
    usual = took[ceil(len(took) * PERCENTILE / 100) - 1]
    steps = -(-usual * (100 + HEADROOM_PERCENT) // (100 * GRAIN))
    return min(max(steps, 1) * GRAIN, LONGEST_TIME)


def apply_measured_times() -> int:
    """Plan the turnover of every server type that goes by measurements as it was measured; return how many changed."""
    changed = 0
    for server_type in ServerType.objects.filter(times_are_measured=True).order_by("pk"):
        measured = measured_turnover(server_type)
        if measured is not None and measured != server_type.cleanup_time:
            set_times(actor=SYSTEM, server_type=server_type, lead_time=server_type.lead_time, cleanup_time=measured)
            changed += 1
    return changed
