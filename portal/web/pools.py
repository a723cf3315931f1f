"""The rows of the calendar: each pool with what is free in it on each day, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from portal.catalog.selectors import PriceQuote, quote_price
from portal.core import clock
from portal.core.errors import NoPrice
from portal.reservations import heatmap
from portal.reservations.capacity import Demand
from portal.reservations.models import Placement, Pool
from portal.tenancy.scope import Scope
from portal.web.forms.plan import Plan
from portal.web.windows import Day, Window, midnight


@dataclass(frozen=True)
class Cell:
    """One day of a pool: how many servers are free throughout it, and whether the asked ones fit."""

    day: Day
    free: int
    fits: bool
    bar: str = ""
    """Which part of the chosen period it is, as classes: ``bar``, with ``opens`` and ``closes`` at its ends."""


@dataclass(frozen=True)
class Row:
    """A pool that is sold, with its days."""

    pool: Pool
    rate: Decimal
    currency: str
    cells: Sequence[Cell]

    @property
    def key(self) -> str:
        """How addresses name it."""
        return f"{self.pool.server_type.slug}@{self.pool.region.code}@{self.pool.fabric.name}"

    def fits(self, first: date, days: int) -> bool:
        """Tell whether the asked servers fit on each of the days that are shown, as far as days by themselves tell."""
        return all(cell.fits for cell in self.cells if 0 <= (cell.day.date - first).days < days)

    def barred(self, first: date, days: int) -> "Row":
        """Return the row with the cells of a chosen period marked."""
        return replace(self, cells=[replace(cell, bar=_bar((cell.day.date - first).days, days)) for cell in self.cells])

    def demand(self, plan: Plan) -> Demand:
        """Return a plan as a demand on this pool; where servers may spread, on all pools of the type in the region."""
        fabric = self.pool.fabric if plan.placement == Placement.SAME_FABRIC else None
        return Demand(self.pool.server_type, self.pool.region, plan.count, plan.period, plan.placement, fabric=fabric)


def _bar(place: int, days: int) -> str:
    if not 0 <= place < days:
        return ""
    return f"bar{' opens' if place == 0 else ''}{' closes' if place == days - 1 else ''}"


def rows_for(scope: Scope, wanted: Mapping[str, Any], window: Window) -> list[Row]:
    """Return the pools that the cleaned fields of a search allow and that are sold to the scope.

    With as many statements for many pools as for one. What was not understood of the fields does not count.
    """
    found = heatmap.calendar_of(
        scope,
        server_type=wanted.get("server_type"),
        region=wanted.get("region"),
        count=wanted.get("count") or 1,
        placement=wanted.get("placement") or Placement.SAME_FABRIC,
        first=midnight(window.first),
        slots=window.count,
    )
    days = window.days
    return [
        Row(
            row.pool,
            row.rate,
            row.currency,
            [Cell(day, cell.free, cell.fits) for day, cell in zip(days, row.cells, strict=True)],
        )
        for row in found
    ]


def price_of(demand: Demand, currency: str) -> PriceQuote | None:
    """Price a demand by the book that holds now; None where it is not sold."""
    try:
        return quote_price(demand.server_type, demand.region, currency, demand.count, demand.period, clock.now())
    except NoPrice:
        return None
