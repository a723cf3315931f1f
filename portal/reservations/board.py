"""The capacity board: for what the servers of each pool are used in each week, at the week's worst instant."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count

from portal.core.periods import Period
from portal.fleet.models import POOL_STATES, Fabric, Region, Server, ServerType
from portal.fleet.states import ServerState
from portal.reservations.models import Allocation, Pool
from portal.reservations.states import HOLDING, ReservationState

WEEK = timedelta(days=7)
WEEKS = 13


class Use(StrEnum):
    """What a server is at an instant: exactly one of these, the first that is true."""

    TURNOVER = "turnover"
    HELD = "held"
    SOLD = "sold"
    BROKEN = "broken"
    SPARE = "spare"
    FREE = "free"


MEANINGS: dict[Use, str] = {
    Use.SOLD: "Promised to a customer by a reservation, with the time to prepare it.",
    Use.HELD: "Kept for a quote or an offer that nobody has accepted yet.",
    Use.TURNOVER: "Booked to be erased and checked after a reservation.",
    Use.SPARE: "Held back from sale, to take the place of a failed one.",
    Use.BROKEN: "In none of these, and out of the pool as it stands today: not taken in yet, failed, quarantined or "
    "in maintenance. It is taken to stay so.",
    Use.FREE: "None of these: it can be sold.",
}
"""The uses in the order in which they are shown."""


@dataclass(frozen=True)
class Part:
    """That ``servers`` servers which would otherwise be ``instead`` are ``use`` for a while."""

    period: Period
    use: Use
    instead: Use
    servers: int


@dataclass(frozen=True)
class Cell:
    """A pool in a week: its worst instant, and what its servers are then. Together they are all of its servers."""

    week: Period
    worst_at: datetime
    servers: Mapping[Use, int]


@dataclass(frozen=True)
class Row:
    """A pool, spares and all, with a cell for each week."""

    server_type: ServerType
    region: Region
    fabric: Fabric
    servers: int
    cells: Sequence[Cell]


def week_of(moment: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, at which the week of an instant begins."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def weeks_from(first: datetime, now: datetime, count: int = WEEKS) -> list[Period]:
    """Return whole weeks from that of ``first`` on; of the present week only what is left, of past ones nothing."""
    starts = [max(week_of(first), week_of(now)) + number * WEEK for number in range(count)]
    return [Period(max(start, now), start + WEEK) for start in starts]


def week_named(name: str, now: datetime) -> Period | None:
    """Return the week of a day that is written as ``2031-03-03``, as ``weeks_from`` does; None for another text."""
    try:
        return weeks_from(datetime.combine(date.fromisoformat(name), time(), UTC), now, 1)[0]
    except (ValueError, OverflowError):
        return None


def first_day(week: Period) -> datetime:
    """Return the Monday of a week of which some may be over."""
    return week_of(week.start)


def worst_of(standing: Mapping[Use, int], parts: Iterable[Part], weeks: Iterable[Period]) -> list[Cell]:
    """Return a cell for each of the weeks, which come in order and do not overlap.

    ``standing`` says what the servers are while nothing else is said of them. The worst instant of a week is the
    earliest at which the fewest servers are free, and of those the one with the fewest spares.
    """
    changes: defaultdict[datetime, Counter[Use]] = defaultdict(Counter)
    for part in parts:
        for at, sign in ((part.period.start, 1), (part.period.end, -1)):
            changes[at].update({part.use: sign * part.servers})
            changes[at].update({part.instead: -sign * part.servers})
    ahead = sorted(changes, reverse=True)
    level = Counter(standing)
    cells = []
    for week in weeks:
        while ahead and ahead[-1] <= week.start:
            level.update(changes[ahead.pop()])
        worst = _cell(week, week.start, level)
        while ahead and ahead[-1] < week.end:
            at = ahead.pop()
            level.update(changes[at])
            worst = min(worst, _cell(week, at, level), key=_badness)
        cells.append(worst)
    return cells


def _cell(week: Period, at: datetime, level: Mapping[Use, int]) -> Cell:
    return Cell(week, at, {use: level[use] for use in MEANINGS})


def _badness(cell: Cell) -> tuple[int, int, datetime]:
    return cell.servers[Use.FREE], cell.servers[Use.SPARE], cell.worst_at


def standing_of(state: str, *, is_spare: bool) -> Use:
    """Return what a server is while it is kept for nobody."""
    if state not in POOL_STATES:
        return Use.BROKEN
    return Use.SPARE if is_spare else Use.FREE


_Place = tuple[int, int, int]


def board_of(weeks: Sequence[Period], server_type: ServerType | None = None, region: Region | None = None) -> list[Row]:
    """Return the pools of a type and a region, or of all, with a cell for each week; in the order of their names.

    It takes three statements, whatever the size of the fleet. Retired servers do not count.
    """
    wanted = {"server_type": server_type, "region": region}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    pools = Pool.objects.filter(**chosen).select_related("server_type", "region", "fabric")
    standings = _standings(chosen)
    parts = _parts(chosen, Period(weeks[0].start, weeks[-1].end))
    rows = []
    # Spares are a pool of their own; here they are shown beside what is sold.
    places = {(pool.server_type_id, pool.region_id, pool.fabric_id): pool for pool in pools}
    for place, pool in places.items():
        standing = standings.get(place, Counter())
        if servers := standing.total():
            cells = worst_of(standing, parts.get(place, ()), weeks)
            rows.append(Row(pool.server_type, pool.region, pool.fabric, servers, cells))
    return sorted(rows, key=lambda row: (row.server_type.slug, row.region.code, row.fabric.name))


def _standings(chosen: Mapping[str, Any]) -> dict[_Place, Counter[Use]]:
    """Return by pool how many servers are what while they are kept for nobody."""
    counted = Server.objects.filter(**chosen).exclude(state=ServerState.RETIRED)
    rows = counted.order_by().values_list("server_type_id", "region_id", "fabric_id", "state", "is_spare")
    found: defaultdict[_Place, Counter[Use]] = defaultdict(Counter)
    for *place, state, is_spare, servers in rows.annotate(servers=Count("pk")):
        found[tuple(place)][standing_of(state, is_spare=is_spare)] += servers
    return found


def _parts(chosen: Mapping[str, Any], window: Period) -> dict[_Place, list[Part]]:
    """Return by pool what its servers are kept for in the window; the servers of a reservation are mostly one row."""
    kept = Allocation.objects.filter(state__in=HOLDING, occupied__overlap=window.as_range())
    kept = kept.filter(**{f"server__{name}": value for name, value in chosen.items()})
    rows = (
        kept.exclude(server__state=ServerState.RETIRED)
        .order_by()
        .values_list(
            "server__server_type_id",
            "server__region_id",
            "server__fabric_id",
            "server__state",
            "server__is_spare",
            "reservation__state",
            "occupied",
            "turnover",
        )
        .annotate(servers=Count("pk"))
    )
    found: defaultdict[_Place, list[Part]] = defaultdict(list)
    for *place, state, is_spare, reservation_state, occupied, turnover, servers in rows:
        instead = standing_of(state, is_spare=is_spare)
        use = Use.HELD if reservation_state == ReservationState.HELD else Use.SOLD
        for period, what in _split(Period.of_range(occupied), turnover, use):
            found[tuple(place)].append(Part(period, what, instead, servers))
    return found


def _split(occupied: Period, turnover: Any, use: Use) -> list[tuple[Period, Use]]:
    """Return the time of an allocation and its turnover, which is the last part of it."""
    if not turnover:
        return [(occupied, use)]
    last = Period.of_range(turnover)
    before = [(Period(occupied.start, last.start), use)] if occupied.start < last.start else []
    return [*before, (last, Use.TURNOVER)]
