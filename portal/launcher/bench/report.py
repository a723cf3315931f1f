"""What a run leaves: a table for people, JSON for programs, a picture."""

import json
import os
import platform
from collections.abc import Sequence
from statistics import median

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


def document(results: Results, told: str) -> str:
    """Return everything as JSON; ``told`` says what was run."""
    machine = {"cores": os.cpu_count(), "system": platform.platform()}
    return json.dumps({"machine": machine, "run": told, **results.as_json()}, indent=2) + "\n"


def listed(numbers: Sequence[int]) -> str:
    """Return numbers as words."""
    return ", ".join(f"{number:,}" for number in numbers)


def picture(results: Results, sizes: Sequence[int], names: Sequence[str]) -> str:
    """Return the growth from the smallest fleet to the largest as SVG: medians of all rounds."""
    lines = {
        label: [median(results.times[work][name]) for name in names]
        for work, label in PICTURED.items()
        if work in results.times and all(name in results.times[work] for name in names)
    }
    return growth("Milliseconds by fleet size, fifty allocations a server", sizes, lines)


END = "<!-- end of figures -->"


def into_page(page: str, figures: str, what: str) -> str:
    """Return a page with ``figures`` in the place of those of ``what``. Raises ValueError for one without marks."""
    mark = begin_of(what)
    begin = page.index(mark)
    end = page.index(END, begin)
    return f"{page[:begin]}{mark}\n{figures}\n{page[end:]}"


def begin_of(what: str) -> str:
    """Return the mark before the figures of a benchmark."""
    return f"<!-- figures: written by bench {what} -->"


def section(results: Results, told: str, *, minutes: float) -> str:
    """Return what the page says about a run."""
    return (
        f"\n{told}, {minutes:.0f} minutes, {os.cpu_count()} cores; load at the end {os.getloadavg()[0]:.1f}.\n\n"
        f"{table(results)}\nMedians of the rounds: milliseconds, or what the work says.\n\n{times(results)}"
    )
