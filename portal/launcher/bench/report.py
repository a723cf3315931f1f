"""What a run leaves: a table for people, JSON for programs, a picture."""

import json
import os
import platform
from collections.abc import Sequence
from statistics import median
from typing import Any

from portal.launcher.bench.bounds import Line, Results
from portal.launcher.bench.plot import growth

PICTURED = {
    "key": "primary-key read",
    "search": "search 64 (1k: 15)",
    "rack": "8 in one rack",
    "starts": "next 10 starts",
    "calendar": "calendar, 90 days",
    "place": "place 64 (1k: 15)",
    "place_1": "place 1",
    "django: post": "POST of 8, Django",
}


def table(results: Results) -> str:
    """Return the bounds as a table in Markdown."""
    rows = ["| work | bound | worst round | median | met |", "|---|---|---|---|---|"]
    rows += [
        f"| {line.bound.work} | {line.bound.rule} {_figure(line, line.bound.limit)} | {_figure(line, line.worst)} "
        f"| {_figure(line, median(line.figures))} | {'yes' if line.is_met else '**no**'} |"
        for line in results.lines()
    ]
    return "\n".join(rows) + "\n"


def _figure(line: Line, figure: float) -> str:
    number = f"{figure:,.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.3g}"
    return f"{number} {line.bound.unit}".strip()


def times(results: Results) -> str:
    """Return the medians of all rounds, in milliseconds or by second where the work says so."""
    fleets = list(dict.fromkeys(name for found in results.times.values() for name in found))
    rows = ["| work | " + " | ".join(fleets) + " |", "|---" * (len(fleets) + 1) + "|"]
    for work, found in results.times.items():
        figures = [f"{median(found[fleet]):,.3g}" if fleet in found else "" for fleet in fleets]
        rows.append(f"| {work} | " + " | ".join(figures) + " |")
    return "\n".join(rows) + "\n"


def document(results: Results, *, sizes: Sequence[int], rounds: int, major: int) -> str:
    """Return everything as JSON."""
    found: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "postgresql": major},
        "fleets": list(sizes),
        "rounds": rounds,
        **results.as_json(),
    }
    return json.dumps(found, indent=2) + "\n"


def picture(results: Results, sizes: Sequence[int], names: Sequence[str]) -> str:
    """Return the growth from the smallest fleet to the largest as SVG: medians of all rounds."""
    lines = {
        label: [median(results.times[work][name]) for name in names]
        for work, label in PICTURED.items()
        if work in results.times and all(name in results.times[work] for name in names)
    }
    return growth("Milliseconds by fleet size, fifty allocations a server", sizes, lines)


MARKS = ("<!-- figures: written by bench -->", "<!-- end of figures -->")


def into_page(page: str, figures: str) -> str:
    """Return a page with ``figures`` in the place of those between its marks. Raises ValueError for one without."""
    begin, end = (page.index(mark) for mark in MARKS)
    return f"{page[:begin]}{MARKS[0]}\n{figures}\n{page[end:]}"


def section(results: Results, *, sizes: Sequence[int], rounds: int, major: int, minutes: float) -> str:
    """Return what the page says about a run."""
    fleets = ", ".join(f"{size:,}" for size in sizes)
    return (
        f"\nFleets of {fleets} servers, {rounds} rounds, {minutes:.0f} minutes, PostgreSQL {major}, "
        f"{os.cpu_count()} cores; load at the end {os.getloadavg()[0]:.1f}.\n\n{table(results)}\n"
        "Medians of the rounds: milliseconds, or a number by second where the work says so.\n\n"
        f"{times(results)}"
    )
