"""What a contract comes to. Pure: no rows, no clock. Each line is rounded once, and sums are sums of rounded lines."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce

from portal.core.money import Money
from portal.core.periods import Period

HOURS_PER_MONTH = Decimal(730)
"""8,760 hours of a year by twelve: what prices of cloud services call a month."""
RATE_PLACES = Decimal("0.000001")
"""To which a price per GPU-hour is kept."""
PERCENT_PLACES = Decimal("0.01")
ALL = Decimal(100)


@dataclass(frozen=True)
class LineTerms:
    """What the money of a line hangs on. Rates are per GPU and hour; ``discount`` is a percentage of ``unit``."""

    servers: int
    gpus_per_server: int
    period: Period
    unit: Decimal
    discount: Decimal
    list_rate: Decimal
    floor_rate: Decimal
    currency: str

    @property
    def gpus(self) -> int:
        """GPUs in all servers together."""
        return self.servers * self.gpus_per_server

    @property
    def net(self) -> Decimal:
        """The price per GPU-hour after the discount, exactly."""
        return (self.unit * (ALL - self.discount)).scaleb(-2)

    @property
    def is_too_fine(self) -> bool:
        """Whether the net price has more places than a reservation keeps: what is invoiced would not be this."""
        return self.net != self.net.quantize(RATE_PLACES)

    @property
    def is_below_floor(self) -> bool:
        """Whether it is sold below the least price."""
        return self.net < self.floor_rate

    @property
    def off_list(self) -> Decimal:
        """How far below the list price it is sold, in percent to two places; negative above it."""
        return _percent(self.list_rate - self.net, self.list_rate)

    @property
    def gpu_hours(self) -> Decimal:
        """GPU-hours of all servers over the whole period."""
        return self.period.hours * self.gpus

    @property
    def total(self) -> Money:
        """Servers x GPUs x hours x rate x (1 - discount), rounded once."""
        return self.at(self.net)

    def at(self, rate: Decimal) -> Money:
        """Return what the line would come to at another rate, rounded once."""
        return Money(self.period.at_rate(rate * self.gpus), self.currency)


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    """Return a part in percent to two places, for people; 0 of nothing."""
    return (part / whole * ALL).quantize(PERCENT_PLACES, rounding=ROUND_HALF_UP) if whole else Decimal(0)


@dataclass(frozen=True)
class Totals:
    """What all lines come to together. Averages are for people; what is owed is ``total``."""

    total: Money
    at_list: Money
    at_floor: Money
    gpu_hours: Decimal
    months: Decimal

    @property
    def monthly(self) -> Money:
        """The total by months of 730 hours of the term, rounded."""
        return Money(self.total.amount / self.months, self.total.currency)

    @property
    def per_gpu_hour(self) -> Decimal:
        """The effective price per GPU-hour, to six places; 0 without lines."""
        if not self.gpu_hours:
            return Decimal(0)
        return (self.total.amount / self.gpu_hours).quantize(RATE_PLACES, rounding=ROUND_HALF_UP)

    @property
    def margin(self) -> Money:
        """By how much the total is above the floor; negative below it."""
        return Money(self.total.amount - self.at_floor.amount, self.total.currency)

    @property
    def margin_percent(self) -> Decimal:
        """The margin in percent of the total."""
        return _percent(self.margin.amount, self.total.amount)

    @property
    def off_list(self) -> Decimal:
        """The discount of the whole against list prices, in percent."""
        return _percent(self.at_list.amount - self.total.amount, self.at_list.amount)


def totals(lines: Sequence[LineTerms], term: Period, currency: str) -> Totals:
    """Return what lines of one currency come to over a term. Raises ValueError for a line of another currency."""
    nothing = Money(Decimal(0), currency)
    return Totals(
        total=reduce(Money.__add__, (line.total for line in lines), nothing),
        at_list=reduce(Money.__add__, (line.at(line.list_rate) for line in lines), nothing),
        at_floor=reduce(Money.__add__, (line.at(line.floor_rate) for line in lines), nothing),
        gpu_hours=sum((line.gpu_hours for line in lines), Decimal(0)),
        months=term.hours / HOURS_PER_MONTH,
    )


def whole_months(period: Period) -> int:
    """Return how many calendar months fit into a period, by which a price is chosen: 0 below one."""
    start, end = period.start, period.end
    months = (end.year - start.year) * 12 + end.month - start.month
    # The 31st to the 30th of the next month is no whole month; the 31st of January to the 1st of March is one.
    before = (end.day, end.timetz()) < (start.day, start.timetz())
    return months - 1 if before else months


def months_later(moment: datetime, months: int) -> datetime:
    """Return the same day and time that many calendar months later; the last day of a month that has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def early_fee(unused: Money, percent: Decimal) -> Money:
    """Return what is owed of the price of what is not used when a contract is ended early, rounded once."""
    return Money((unused.amount * percent).scaleb(-2), unused.currency)
