"""The page of the capacity board: pools by weeks, each cell leading to the reservations behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.board import (
    MEANINGS,
    WEEK,
    WEEKS,
    Cell,
    Row,
    Use,
    board_of,
    first_day,
    week_named,
    week_of,
    weeks_from,
)
from portal.reservations.request import MAX_AHEAD

WORDS: dict[Use, str] = {
    Use.SOLD: "Sold",
    Use.HELD: "Held",
    Use.TURNOVER: "Turnover",
    Use.SPARE: "Spare",
    Use.BROKEN: "Broken",
    Use.FREE: "Free",
}


@dataclass(frozen=True)
class Piece:
    """A part of a cell's bar: which use, how many servers, and from which on they are drawn."""

    use: Use
    words: str
    servers: int
    start: int


@dataclass(frozen=True)
class ShownCell:
    """A cell as the page shows it."""

    cell: Cell
    address: str

    @property
    def free(self) -> int:
        """Servers that can be sold at the worst instant."""
        return self.cell.servers[Use.FREE]

    @property
    def pieces(self) -> list[Piece]:
        """The uses that there are, one after the other."""
        return list(self._pieces())

    def _pieces(self) -> Iterator[Piece]:
        start = 0
        for use, servers in self.cell.servers.items():
            if servers:
                yield Piece(use, WORDS[use], servers, start)
            start += servers


def _reservations(row: Row, week: Period) -> str:
    parameters = {
        "server_type__id__exact": row.server_type.pk,
        "region__id__exact": row.region.pk,
        "fabric": row.fabric.pk,
        "week": f"{first_day(week):%Y-%m-%d}",
    }
    return f"{reverse('admin:reservations_reservation_changelist')}?{urlencode(parameters)}"


def _servers(row: Row) -> str:
    parameters = {"server_type__id__exact": row.server_type.pk, "fabric__id__exact": row.fabric.pk}
    return f"{reverse('admin:fleet_server_changelist')}?{urlencode(parameters)}"


def _first_week(request: HttpRequest, now: datetime) -> datetime:
    """Return the Monday that the request asks for, within what can be reserved; without one, that of this week."""
    asked = week_named(request.GET.get("from", ""), now)
    return min(first_day(asked), week_of(now + MAX_AHEAD)) if asked else week_of(now)


def _turned(chosen: Mapping[str, Any], first: datetime) -> str:
    """Return the parameters of the page that begins with another week."""
    return urlencode({**chosen, "from": f"{first:%Y-%m-%d}"})


def board_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows: the weeks, the pools with their cells, the choices, and the ways to other weeks."""
    now = clock.now()
    first = _first_week(request, now)
    weeks = weeks_from(first, now)
    kinds = list(ServerType.objects.order_by("slug"))
    regions = list(Region.objects.order_by("code"))
    kind = next((kind for kind in kinds if kind.slug == request.GET.get("type")), None)
    region = next((region for region in regions if region.code == request.GET.get("region")), None)
    rows = board_of(weeks, kind, region)
    chosen = {name: str(value) for name, value in (("type", kind and kind.slug), ("region", region)) if value}
    earlier = max(first - WEEKS * WEEK, week_of(now))
    later = first + WEEKS * WEEK
    return {
        "title": "Capacity board",
        "weeks": [(first_day(week), week) for week in weeks],
        "rows": [
            (row, _servers(row), [ShownCell(cell, _reservations(row, cell.week)) for cell in row.cells]) for row in rows
        ],
        "kinds": kinds,
        "regions": regions,
        "kind": kind,
        "region": region,
        "first": first,
        "earlier": _turned(chosen, earlier) if first > earlier else "",
        "later": _turned(chosen, later) if later <= now + MAX_AHEAD else "",
        "now": now,
        "legend": [(use, WORDS[use], meaning) for use, meaning in MEANINGS.items()],
    }
