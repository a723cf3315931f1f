"""Error budgets: which part of what a tier allows to fail in 30 days is used up, and how fast. Pure.

The limits are those of https://sre.google/workbook/alerting-on-slos/ ("Multiwindow, Multi-Burn-Rate Alerts").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.sla.definitions import Condition
from portal.sla.measuring import ALL, Segment
from portal.sla.spans import Span, clipped

HOUR = 3600
DAYS = 30
BUDGET_SPAN = DAYS * 24 * HOUR


class Level(StrEnum):
    """What is done about it."""

    QUIET = "quiet"
    TICKET = "ticket"
    PAGE = "page"


@dataclass(frozen=True)
class Limit:
    """Burning ``times`` as fast as the budget allows, over ``span`` seconds, is of a ``level``."""

    span: int
    times: Decimal
    level: Level


LIMITS = (
    Limit(1 * HOUR, Decimal("14.4"), Level.PAGE),
    Limit(6 * HOUR, Decimal(6), Level.PAGE),
    Limit(72 * HOUR, Decimal(1), Level.TICKET),
)


@dataclass(frozen=True)
class Budget:
    """The budget of one tier: ``left`` in percent (below 0: overdrawn), and how fast it burns, limit by limit."""

    left: Decimal
    burns: tuple[Decimal, ...]

    @property
    def level(self) -> Level:
        """The gravest level of the limits that are reached."""
        reached = [limit.level for limit, burn in zip(LIMITS, self.burns, strict=True) if burn >= limit.times]
        return max(reached, key=list(Level).index, default=Level.QUIET)


def budget_of(target: Decimal, weight: Decimal, served: Sequence[Span], failing: Sequence[Segment], now: int) -> Budget:
    """Return the budget of a tier from when all of its servers were served, and from what failed of them."""
    allowed = (ALL - target) / ALL
    month = _burn(allowed, weight, served, failing, Span(now - BUDGET_SPAN, now))
    burns = tuple(_burn(allowed, weight, served, failing, Span(now - limit.span, now)) for limit in LIMITS)
    return Budget(ALL - ALL * month, burns)


def _burn(
    allowed: Decimal, weight: Decimal, served: Sequence[Span], failing: Sequence[Segment], window: Span
) -> Decimal:
    """Return how many times as much failed in a window as may; nothing where nothing was served."""
    total = sum(span.length for span in clipped(served, window))
    lost = Decimal(0)
    for segment in failing:
        seconds = sum(span.length for span in clipped([segment.span], window))
        counts = {Condition.DOWN: Decimal(1), Condition.DEGRADED: weight}.get(segment.condition, Decimal(0))
        lost += 0 if segment.excluded else counts * seconds
    if not total or not lost:
        return Decimal(0)
    # Where nothing may fail, whatever fails is too much.
    return lost / total / allowed if allowed else Decimal(1000)
