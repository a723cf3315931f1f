"""How long a server was held and how long it was on, from what was recorded of it. Pure: no rows, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core.periods import Period

OFF_EVENTS = ("step.power_off.done", "step.shut_down.done")
ON_EVENTS = ("step.power_on.done", "step.installer.done", "step.rescuer.done")
"""What operations told of a server's power, when they saw it change. What its own system does is not recorded."""


@dataclass(frozen=True)
class Held:
    """A server in a customer's hands from ``start`` on; to ``end``, or (None) still."""

    start: datetime
    end: datetime | None

    def within(self, period: Period) -> Period | None:
        """Return what of it lies in a period; None for nothing."""
        start = max(self.start, period.start)
        end = period.end if self.end is None else min(self.end, period.end)
        return Period(start, end) if start < end else None


def powered(span: Period, switches: Iterable[tuple[datetime, bool]]) -> timedelta:
    """Return how long a server was on in ``span``, by when it was switched on or off; it is handed over switched on.

    The order of ``switches`` does not matter, nor does it when one is told twice. At one instant off comes before on.
    """
    total, since, is_on = timedelta(0), span.start, True
    for at, on in sorted(set(switches)):
        if at >= span.end:
            break
        if is_on and at > since:
            total += at - since
        since, is_on = max(since, at), on
    return total + (span.end - since if is_on else timedelta(0))


def merged(spans: Sequence[Period]) -> list[Period]:
    """Return the same time as spans that neither touch nor overlap, in order."""
    found: list[Period] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Period(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found
