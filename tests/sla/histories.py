"""Random histories of a server in a month: what was served, sampled and excluded, on a grid of seconds or minutes."""

import random
from dataclasses import dataclass
from decimal import Decimal

from portal.catalog.models import SlaTier
from portal.sla.definitions import Cause, Condition, Kind
from portal.sla.measuring import Exclusion, Reading
from portal.sla.spans import Span

MONTH = Span(1_893_456_000, 1_893_456_000 + 31 * 86_400)
"""January 2030."""


@dataclass
class History:
    """One month of one server."""

    month: Span
    step: int
    served: list
    readings: list
    exclusions: list


def tier(**kwargs):
    """Return a tier that is stored nowhere."""
    fields = {
        "slug": "standard",
        "name": "Standard",
        "target": Decimal("99.5"),
        "below": [Decimal("99.5"), Decimal(99), Decimal(95)],
        "credits": [Decimal(10), Decimal(25), Decimal(100)],
        "degraded_weight": Decimal("0.25"),
        "handover_minutes": 45,
        "replacement_minutes": 210,
        "late_credit_percent": Decimal(100),
        "late_grace_minutes": 120,
        "late_step_minutes": 120,
        "maintenance_notice_hours": 336,
        "may_defer_days": 14,
        **kwargs,
    }
    return SlaTier(**fields)


def history(seed):
    """Return a history: a whole month by the minute, or more often two hours of it by the second."""
    dice = random.Random(seed)  # noqa: S311 - a test replays it
    step = dice.choice([1, 1, 1, 60])
    month = MONTH if step == 60 else Span(MONTH.start, MONTH.start + 2 * 3600)
    cells = month.length // step

    def span(longest=1.0):
        start = dice.randrange(-cells // 10, cells)
        length = dice.choice([0, 1, dice.randrange(1, 60), dice.randrange(1, max(2, int(cells * longest)))])
        return Span(month.start + start * step, month.start + (start + length) * step)

    served = [month] if dice.random() < 0.5 else [span() for _ in range(dice.randrange(4))]
    served = [Span(max(month.start, one.start), min(month.end, one.end)) for one in served]
    readings = []
    for kind in dice.sample(list(Kind), dice.randrange(1, 6)):
        if dice.random() < 0.8:
            readings.append((kind, Condition.UP, month))
        for _ in range(dice.randrange(12)):
            readings.append((kind, dice.choice(list(Condition)), span(dice.choice([0.002, 0.02, 0.2]))))
    dice.shuffle(readings)
    exclusions = [Exclusion(dice.choice(list(Cause)), span(0.1), str(n)) for n in range(dice.randrange(4))]
    return History(month, step, served, [Reading(*one, n) for n, one in enumerate(readings)], exclusions)


def lateness(dice):
    """Return how many minutes late something was at the end of a month, and how many of them passed before it began."""
    late = dice.randrange(-60, 600)
    return late, dice.choice([0, dice.randrange(0, max(1, late))])
