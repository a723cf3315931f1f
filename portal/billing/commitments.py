"""What is missing to what a contract makes owed at least. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from portal.billing.models import LineKind
from portal.billing.rating import RatedLine
from portal.contracts.arithmetic import early_fee
from portal.core.money import Money

ALL = Decimal(100)


@dataclass(frozen=True)
class Spending:
    """A minimum whose time is over, what was charged for servers in all, and what was charged up to the minimum.

    ``percent`` is how much is owed of what is missing: all of it, or what was agreed of an early end.
    """

    label: str
    minimum: Money
    spent: Decimal
    charged: Decimal
    percent: Decimal = ALL


def shortfall(of: Spending) -> RatedLine | None:
    """Return the line that brings what was charged to what is owed: less than nothing where more was spent later.

    None where nothing is to be said.
    """
    missing = Money(max(of.minimum.amount - of.spent, Decimal(0)), of.minimum.currency)
    due = early_fee(missing, of.percent).amount - of.charged
    if not due:
        return None
    kind = LineKind.SHORTFALL if due > 0 else LineKind.CORRECTION
    share = f", {of.percent.normalize():f} % of what is missing" if of.percent != ALL else ""
    return RatedLine(kind, f"{of.label}: up to the agreed minimum of {of.minimum}{share}", due)
