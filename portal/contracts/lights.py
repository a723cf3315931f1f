"""Capacity lights: whether there is room for the lines of a draft, without holding anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from portal.contracts.models import ContractLine
from portal.contracts.wishes import LineWish
from portal.core import clock
from portal.core.periods import Period, peak
from portal.reservations import capacity
from portal.reservations.capacity import Demand
from portal.reservations.models import Placement
from portal.reservations.request import MAX_COUNT


class Colour(StrEnum):
    """What a light says."""

    FREE = "free"
    SHORT = "short"
    HELD = "held"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Light:
    """A light and its sentence."""

    colour: Colour
    text: str


UNKNOWN = Light(Colour.UNKNOWN, "Fill in the row")
HELD = Light(Colour.HELD, "Held")
KEPT = Light(Colour.HELD, "Reserved")


@dataclass(frozen=True)
class _Ask:
    server_type: int
    region: int
    period: Period
    count: int


def lights_of(wishes: Sequence[LineWish]) -> list[Light]:
    """Return a light for each row; what rows above it take for the same time is taken."""
    seen: list[_Ask] = []
    return [_light(wish, seen) for wish in wishes]


def _light(wish: LineWish, seen: list[_Ask]) -> Light:
    period, now = wish.period, clock.now()
    if period is None or period.end <= now or not 1 <= wish.count <= MAX_COUNT:
        return UNKNOWN
    period = Period(max(period.start, now), period.end)
    before = [
        ask
        for ask in seen
        if (ask.server_type, ask.region) == (wish.server_type.pk, wish.region.pk) and ask.period.overlaps(period)
    ]
    taken = peak((ask.period, ask.count) for ask in before)
    seen.append(_Ask(wish.server_type.pk, wish.region.pk, period, wish.count))
    # Which pool rows above take is not known before they are held: with any, the sum is asked for.
    placement = Placement.ANY if taken else wish.placement
    demand = Demand(wish.server_type, wish.region, wish.count + taken, period, placement)
    if capacity.fits(demand):
        return Light(Colour.FREE, "Free")
    left = max(capacity.free_count(demand) - taken, 0)
    return Light(Colour.SHORT, f"{left} of {wish.count} free")


def lights_of_lines(lines: Sequence[ContractLine], kept: set[int], held: set[int]) -> list[Light]:
    """Return the lights of lines as they are written; ``kept`` and ``held`` are pks of those that have servers."""
    open_lines = [line for line in lines if line.pk not in kept | held]
    found = dict(
        zip((line.pk for line in open_lines), lights_of([LineWish.of(line) for line in open_lines]), strict=True)
    )
    return [KEPT if line.pk in kept else HELD if line.pk in held else found[line.pk] for line in lines]
