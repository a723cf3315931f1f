"""What the first page counts: rows that somebody should look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from portal.core import clock


@dataclass(frozen=True)
class Watch:
    """A list worth a look: its title, the parameters of its filters, and the same as a condition.

    ``tone`` colours the number where it is not 0: ok, busy, warn or bad.
    """

    title: str
    parameters: Mapping[str, str]
    rows: Callable[[], Q]
    tone: str = "busy"


def in_state(title: str, state: str, tone: str = "busy") -> Watch:
    """Return the watch over rows in one state."""
    return Watch(title, {"state": state}, lambda: Q(state=state), tone)


def overdue(title: str) -> Watch:
    """Return the watch over rows that should have left their state by now."""
    return Watch(title, {"deadline": "overdue"}, lambda: Q(state_deadline_at__lt=clock.now()), "bad")
