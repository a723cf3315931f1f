"""What the page of promises draws: a month as a bar for each server, and credits with their arithmetic in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.core.months import begin_of, next_month
from portal.sla.models import SlaCredit
from portal.sla.reporting import ReservationReport, ServerReport
from portal.sla.status import ComponentState

STATUS_TONES = {
    ComponentState.OPERATIONAL: "ok",
    ComponentState.MAINTENANCE: "busy",
    ComponentState.DEGRADED: "warn",
    ComponentState.OUTAGE: "bad",
}
STATUS_WORDS = {
    ComponentState.OPERATIONAL: "Operational",
    ComponentState.MAINTENANCE: "Maintenance goes on",
    ComponentState.DEGRADED: "Degraded",
    ComponentState.OUTAGE: "Outage",
}
WIDTH = 1000
"""Of a bar, in the units of its drawing: how wide it is shown the page decides."""
LEAST = Decimal(2)
"""So wide at least is an outage drawn, however short it was."""


@dataclass(frozen=True)
class Piece:
    """A part of a bar; ``tone`` is up, down, degraded or excluded."""

    x: str
    width: str
    tone: str


@dataclass(frozen=True)
class ServerRow:
    """One server of a reservation with its month."""

    report: ServerReport
    pieces: tuple[Piece, ...]

    @property
    def percent(self) -> str:
        """The availability for people."""
        return percent(self.report.availability)

    @property
    def lost(self) -> timedelta:
        """For how long it was down."""
        return timedelta(seconds=self.report.sums.down)

    @property
    def unknown(self) -> timedelta:
        """For how long nothing is known."""
        return timedelta(seconds=self.report.sums.unknown)

    @property
    def spoken(self) -> str:
        """What the bar shows, in words."""
        count = len(self.report.outages)
        return f"{self.percent} available; {count} {'outage' if count == 1 else 'outages'}, listed below"


@dataclass(frozen=True)
class CreditRow:
    """A credit, and how it was worked out."""

    credit: SlaCredit
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ReservationRow:
    """A reservation in the month."""

    report: ReservationReport
    servers: tuple[ServerRow, ...]
    credits: tuple[CreditRow, ...]

    @property
    def percent(self) -> str:
        """The availability of all servers together."""
        return percent(self.report.availability)


def rows_of(reports: Iterable[ReservationReport]) -> list[ReservationRow]:
    """Return what is drawn of each reservation."""
    return [
        ReservationRow(
            report,
            tuple(ServerRow(one, tuple(_pieces(one, report.month))) for one in report.servers),
            tuple(CreditRow(credit, tuple(arithmetic(credit))) for credit in report.credits),
        )
        for report in reports
    ]


def percent(value: Decimal) -> str:
    """Write an availability for people: cut, not rounded, so that what was missed never reads as kept."""
    cut = value.quantize(Decimal("0.001"), rounding="ROUND_DOWN")
    return f"{cut.normalize():f} %"


def _pieces(report: ServerReport, month: date) -> Iterator[Piece]:
    begin, end = begin_of(month), begin_of(next_month(month))
    for since, until in report.served:
        yield _piece(since, until, "up", begin, end)
    for one in report.outages:
        yield _piece(one.since, one.until, "excluded" if one.excluded else one.condition, begin, end)


def _piece(since: datetime, until: datetime, tone: str, begin: datetime, end: datetime) -> Piece:
    unit = (end - begin) / timedelta(seconds=1)
    x = Decimal(WIDTH) * int((since - begin).total_seconds()) / int(unit)
    width = max(LEAST, Decimal(WIDTH) * int((until - since).total_seconds()) / int(unit))
    return Piece(f"{x:.2f}", f"{width:.2f}", tone)


def arithmetic(credit: SlaCredit) -> Iterator[str]:
    """Yield how a credit was worked out, line by line."""
    told: dict[str, Any] = credit.arithmetic
    if "availability" in told:
        lost = f"{told['down_seconds']:,} s down"
        if told["degraded_seconds"]:
            lost += f" + {told['degraded_weight']} x {told['degraded_seconds']:,} s degraded"
        yield f"{told['measured_seconds']:,} s measured, {lost}"
        yield f"availability {percent(Decimal(told['availability']))}: {told['percent']} % is credited"
        yield f"{told['percent']} % of {_amount(told['price'])} {credit.currency} = {credit.money}"
    else:
        for late in told["late"]:
            came = f"came {late['came_at']}" if late["came_at"] else f"not there until {late['until']}"
            yield f"due {late['due_at']}, {came}: {late['steps']} steps of {told['step_minutes']} min"
        yield (
            f"{told['percent']} % of a day's price of {_amount(told['day_price'])} {credit.currency} "
            f"({told['percent_per_step']} % a step after {told['grace_minutes']} min) = {credit.money}"
        )
    if "capped_from" in told:
        yield f"cut from {told['capped_from']} {credit.currency}: all credits of a month together are its price at most"


def _amount(number: str) -> str:
    return f"{Decimal(number):,.2f}"
