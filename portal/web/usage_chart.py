"""The columns of the usage page: where each piece of each day stands. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.billing.tables import hours
from portal.core.periods import Period

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 190, 52, 22
SHADES = 4
OTHERS = "Others"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Piece:
    """One project's part of a day's column, in units of the drawing."""

    x: str
    y: str
    width: str
    height: str
    shade: int
    says: str


@dataclass(frozen=True)
class Chart:
    """A month as columns; ``marks`` are the heights of the lines across, with their words."""

    pieces: tuple[Piece, ...]
    days: tuple[tuple[str, str], ...]
    marks: tuple[tuple[str, str], ...]
    projects: tuple[tuple[int, str, Decimal], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def chart_of(month: Period, used: Mapping[str, Mapping[str, timedelta]]) -> Chart:
    """Return the columns of a month for GPU time by project and day; the largest projects have a shade of their own."""
    days = [month.start.date() + number * DAY for number in range(month.duration // DAY)]
    shown = _fewer(used)
    tallest = max(sum((of.get(str(day), timedelta(0)) for of in shown.values()), timedelta(0)) for day in days)
    step = (WIDTH - LEFT) / len(days)
    pieces: list[Piece] = []
    for number, day in enumerate(days):
        pieces += _column(day, LEFT + number * step, step * 0.76, shown, tallest)
    totals = [(shade, name, hours(sum(of.values(), timedelta(0)))) for shade, (name, of) in enumerate(shown.items())]
    labels = [
        (f"{LEFT + (number + 0.38) * step:.1f}", str(day.day)) for number, day in enumerate(days) if day.day % 5 == 1
    ]
    marks = [("10", f"{hours(tallest):,.0f} h"), (f"{HEIGHT - BOTTOM}", "0 h")]
    return Chart(tuple(pieces), tuple(labels), tuple(marks), tuple(totals))


def _fewer(used: Mapping[str, Mapping[str, timedelta]]) -> dict[str, dict[str, timedelta]]:
    """Return the largest projects, and all others as one."""
    by_size = sorted(used, key=lambda name: (-sum(used[name].values(), timedelta(0)), name))
    if len(by_size) <= SHADES:
        return {name: dict(used[name]) for name in by_size}
    rest: dict[str, timedelta] = {}
    for name in by_size[SHADES - 1 :]:
        for day, length in used[name].items():
            rest[day] = rest.get(day, timedelta(0)) + length
    return {**{name: dict(used[name]) for name in by_size[: SHADES - 1]}, OTHERS: rest}


def _column(
    day: date, x: float, width: float, shown: Mapping[str, Mapping[str, timedelta]], tallest: timedelta
) -> list[Piece]:
    pieces: list[Piece] = []
    floor: Any = HEIGHT - BOTTOM
    for shade, (name, of) in enumerate(shown.items()):
        length = of.get(str(day), timedelta(0))
        if not length:
            continue
        tall = (HEIGHT - BOTTOM - 10) * (length / tallest)
        floor -= tall
        says = f"{day:%d %b}: {name}, {hours(length):,.1f} GPU-hours"
        pieces.append(Piece(f"{x:.1f}", f"{floor:.1f}", f"{width:.1f}", f"{tall:.1f}", shade, says))
    return pieces
