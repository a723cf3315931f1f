"""The picture of growth: one line per kind of work over the size of the fleet, both axes in powers of ten."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 50, 50
COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#b91c1c", "#0f766e", "#a16207", "#475569")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.grid{stroke:#d1d5db}.title{font-size:15px;font-weight:600}"
    "@media (prefers-color-scheme:dark){text{fill:#e5e7eb}.grid{stroke:#4b5563}.paper{fill:#111827}}"
)


def growth(title: str, sizes: Sequence[int], lines: Mapping[str, Sequence[float]]) -> str:
    """Return an SVG of the milliseconds of each line by fleet size."""
    low = floor(log10(min(min(values) for values in lines.values())))
    high = ceil(log10(max(max(values) for values in lines.values())))
    high = max(high, low + 1)
    first, last = log10(sizes[0]), log10(sizes[-1])

    def across(size: int) -> float:
        share = (log10(size) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return HEIGHT - BOTTOM - (log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>']
    for power in range(low, high + 1):
        y = down(10**power)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    for size in sizes:
        parts.append(
            f'<text x="{across(size):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{size:,} servers</text>'
        )
    names = sorted(lines, key=lambda name: -lines[name][-1])
    heights = _apart([down(lines[name][-1]) for name in names])
    for name, colour, label in zip(names, COLOURS * 9, heights, strict=False):
        spots = [(across(size), down(value)) for size, value in zip(sizes, lines[name], strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2.5" points="{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in spots]
        parts.append(f'<text x="{WIDTH - RIGHT + 14}" y="{label + 4:.1f}">{escape(name)}</text>')
        parts.append(f'<circle cx="{WIDTH - RIGHT + 8}" cy="{label:.1f}" r="3" fill="{colour}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _apart(heights: Sequence[float], least: float = 18) -> list[float]:
    """Push labels, given from the top down, so far apart that each can be read."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + least) if found else height)
    return found
