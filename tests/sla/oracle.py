"""What a server-month comes to, worked out another way: cell by cell on paper, in fractions. Slow."""

from collections import Counter
from fractions import Fraction

MARKS = {"unknown": 0, "up": 1, "degraded": 2, "down": 3}


def paint(cells, mark, spans, first, step):
    """Paint the cells of spans; all begin and end on the grid, which begins at ``first``."""
    for start, end in spans:
        low, high = (max(0, min(len(cells), (at - first) // step)) for at in (start, end))
        cells[low:high] = bytes([mark]) * (high - low)


def sums(month, step, served, readings, exclusions):
    """Return the seconds of each mark, by painting samples over one another in the order of their recording."""
    first, size = month[0], (month[1] - month[0]) // step
    papers = []
    for spans in (served, spans_of(exclusions, "maintenance"), spans_of(exclusions, "tenant")):
        papers.append(bytearray(size))
        paint(papers[-1], 1, spans, first, step)
    for kind in sorted({reading.kind for reading in readings}):
        papers.append(bytearray(size))
        for reading in sorted(readings, key=lambda each: each.order):
            if reading.kind == kind:
                paint(papers[-1], MARKS[reading.value], [reading.span], first, step)
    found = Counter()
    for (is_served, is_maintenance, is_tenant, *marks), cells in Counter(zip(*papers, strict=True)).items():
        if is_served:
            name = "maintenance" if is_maintenance else "tenant" if is_tenant else "obliged"
            found[name] += cells * step
            if name == "obliged":
                found[max(marks, default=0)] += cells * step
    return found


def spans_of(exclusions, cause):
    """Return the spans that are excluded for a cause."""
    return [each.span for each in exclusions if each.cause == cause]


def cents(tier, found, late_minutes, price, day_price):
    """Return what is credited in cents, reason by reason, as a customer would work it out.

    ``late_minutes`` are pairs by reason: how late at the end of the month, and how late when it began. Prices are
    fractions of the currency's whole unit.
    """
    left, credits = half_up(price * 100), {}
    obliged = found["obliged"]
    lost = found[MARKS["down"]] + Fraction(tier.degraded_weight) * found[MARKS["degraded"]]
    share = 100 * (1 - lost / obliged) if obliged else Fraction(100)
    percent = Fraction(0)
    for below, credit in zip(tier.below, tier.credits, strict=True):
        if share < Fraction(below):
            percent = max(percent, Fraction(credit))
    asked = {"availability": price * percent}
    for reason, each in late_minutes.items():
        # A step counts in the month in which it begins: this many minutes after the grace, and each step after that.
        steps = sum(
            passed <= begin < late
            for late, passed in each
            for begin in range(tier.late_grace_minutes, late, tier.late_step_minutes)
        )
        asked[reason] = day_price * Fraction(tier.late_credit_percent) * steps
    for reason, hundredths in asked.items():
        given = min(left, half_up(hundredths))
        left -= given
        if given:
            credits[reason] = given
    return credits


def half_up(number):
    """Round to a whole number, halves away from nothing."""
    return int(number + Fraction(1, 2))
