"""From samples and exclusions to what a server was, second by second, and to its availability: pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from portal.sla.definitions import Cause, Condition, Definition, Kind
from portal.sla.spans import Span, merged

ALL = Decimal(100)
SEVERITY = {Condition.UNKNOWN: 0, Condition.UP: 1, Condition.DEGRADED: 2, Condition.DOWN: 3}
"""Of several kinds the worst counts; one that is known counts before one that is not."""


class Reading(NamedTuple):
    """What the samples of a kind said for a time. Of two that overlap the one of the higher ``order`` counts."""

    kind: Kind
    value: Condition
    span: Span
    order: int


class Exclusion(NamedTuple):
    """Time that is not measured, and the public id of what proves it."""

    cause: Cause
    span: Span
    proof: str = ""


class Segment(NamedTuple):
    """A time in which nothing changed. ``kinds`` are those that failed; ``excluded`` is empty for measured time."""

    span: Span
    condition: Condition
    kinds: tuple[Kind, ...] = ()
    excluded: str = ""
    proof: str = ""


@dataclass
class _Present:
    """What holds at an instant, while it moves from boundary to boundary."""

    readings: dict[Kind, dict[int, Condition]] = field(default_factory=dict)
    exclusions: dict[int, Exclusion] = field(default_factory=dict)
    is_served: bool = False

    def judged(self, definition: Definition) -> tuple[Condition, tuple[Kind, ...]]:
        """Return what the server is, and which kinds failed."""
        found: dict[Kind, Condition] = {}
        for kind, values in self.readings.items():
            if values:
                latest = values[max(values)]
                found[kind] = min(latest, definition.worst[kind], key=SEVERITY.__getitem__)
        condition = max(found.values(), key=SEVERITY.__getitem__, default=Condition.UNKNOWN)
        failed = sorted(kind for kind, value in found.items() if SEVERITY[value] > SEVERITY[Condition.UP])
        return condition, tuple(failed)

    def excluded(self) -> tuple[str, str]:
        """Return the cause that counts, and its proof."""
        if not self.exclusions:
            return "", ""
        first = min(self.exclusions.values())
        return first.cause.value, first.proof


def timeline(
    served: Iterable[Span], readings: Sequence[Reading], exclusions: Sequence[Exclusion], definition: Definition
) -> tuple[Segment, ...]:
    """Return what a server was in the time that it was served, in order; equal neighbours are one segment."""
    steps: list[tuple[int, int, int, object]] = []
    for span in merged(served):
        steps += [(span.start, 1, 0, True), (span.end, 0, 0, False)]
    for place, reading in enumerate(readings):
        if reading.span.length > 0:
            steps += [(reading.span.start, 1, place, reading), (reading.span.end, 0, place, reading)]
    for place, exclusion in enumerate(exclusions):
        if exclusion.span.length > 0:
            steps += [(exclusion.span.start, 1, place, exclusion), (exclusion.span.end, 0, place, exclusion)]
    steps.sort(key=lambda step: step[:3])
    return tuple(_joined(_segments(steps, definition)))


def _segments(steps: Sequence[tuple[int, int, int, object]], definition: Definition) -> Iterator[Segment]:
    present, since = _Present(), 0
    for at, begins, place, what in steps:
        if present.is_served and at > since:
            condition, kinds = present.judged(definition)
            yield Segment(Span(since, at), condition, kinds, *present.excluded())
        since = at
        _step(present, what, place, begins=bool(begins))


def _step(present: _Present, what: object, place: int, *, begins: bool) -> None:
    if isinstance(what, Reading):
        values = present.readings.setdefault(what.kind, {})
        if begins:
            values[what.order] = what.value
        else:
            values.pop(what.order, None)
    elif isinstance(what, Exclusion):
        if begins:
            present.exclusions[place] = what
        else:
            present.exclusions.pop(place, None)
    else:
        present.is_served = begins


def _joined(segments: Iterable[Segment]) -> Iterator[Segment]:
    last: Segment | None = None
    for segment in segments:
        if last is not None and last.span.end == segment.span.start and last[1:] == segment[1:]:
            last = last._replace(span=Span(last.span.start, segment.span.end))
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last


@dataclass(frozen=True)
class Measured:
    """Seconds of a server-month: ``obliged`` is what was measured, of which the others are parts."""

    obliged: int = 0
    down: int = 0
    degraded: int = 0
    unknown: int = 0
    maintenance: int = 0
    tenant: int = 0

    def availability(self, degraded_weight: Decimal) -> Decimal:
        """Return the percentage of the measured time that the server was up; all of it where none was measured."""
        if not self.obliged:
            return ALL
        lost = self.down + degraded_weight * self.degraded
        return ALL * (self.obliged - lost) / self.obliged


def measured(segments: Iterable[Segment]) -> Measured:
    """Return the sums of a timeline."""
    sums = dict.fromkeys(("obliged", "down", "degraded", "unknown", "maintenance", "tenant"), 0)
    for segment in segments:
        if segment.excluded:
            sums[segment.excluded] += segment.span.length
            continue
        sums["obliged"] += segment.span.length
        if segment.condition != Condition.UP:
            sums[segment.condition.value] += segment.span.length
    return Measured(**sums)
