"""Who must agree to a contract before it is sent: the one table of rules. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.contracts.arithmetic import LineTerms, Totals

MOST_OFF_LIST = Decimal(15)
"""Percent below list prices that sales gives alone."""
MOST_MONTHS = 24
MOST_PAYMENT_DAYS = 30
MOST_TOTAL = {"JPY": Decimal(150_000_000), "SEK": Decimal(10_000_000)}
MOST_TOTAL_ELSEWHERE = Decimal(1_000_000)
"""What sales sells alone, in units of the contract's currency."""


class Approver(StrEnum):
    """Whose word it takes: names of roles of staff."""

    SALES_LEAD = "sales_lead"
    FINANCE = "finance"


TITLES = {Approver.SALES_LEAD: "Sales lead", Approver.FINANCE: "Finance"}


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    lines: tuple[LineTerms, ...]
    totals: Totals
    months: int
    payment_days: int
    overflow: int = 0
    """Servers that the customer may reserve beside its lines."""


@dataclass(frozen=True)
class Rule:
    """A reason why somebody else must agree: whether it holds, who it is, and the sentence for people."""

    code: str
    approver: Approver
    holds: Callable[[Facts], bool]
    says: Callable[[Facts], str]


def most_total(currency: str) -> Decimal:
    """Return up to which total sales sells alone."""
    return MOST_TOTAL.get(currency, MOST_TOTAL_ELSEWHERE)


def _below_floor(facts: Facts) -> int:
    return sum(line.is_below_floor for line in facts.lines)


def _counted_lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count} lines are"


RULES: tuple[Rule, ...] = (
    Rule(
        "below_floor",
        Approver.SALES_LEAD,
        lambda facts: _below_floor(facts) > 0,
        lambda facts: f"{_counted_lines(_below_floor(facts))} sold below the floor.",
    ),
    Rule(
        "discount",
        Approver.SALES_LEAD,
        lambda facts: facts.totals.off_list > MOST_OFF_LIST,
        lambda facts: f"{facts.totals.off_list} % below list; {MOST_OFF_LIST} % is given alone.",
    ),
    Rule(
        "size",
        Approver.SALES_LEAD,
        lambda facts: facts.totals.total.amount > most_total(facts.totals.total.currency),
        lambda facts: f"{facts.totals.total} is above {most_total(facts.totals.total.currency):,}.",
    ),
    Rule(
        "term",
        Approver.SALES_LEAD,
        lambda facts: facts.months > MOST_MONTHS,
        lambda facts: f"A term of {facts.months} months; {MOST_MONTHS} is given alone.",
    ),
    Rule(
        "quota",
        Approver.SALES_LEAD,
        lambda facts: facts.overflow > 0,
        lambda facts: f"Quota for up to {facts.overflow} servers beside its lines.",
    ),
    Rule(
        "payment_days",
        Approver.FINANCE,
        lambda facts: facts.payment_days > MOST_PAYMENT_DAYS,
        lambda facts: f"Payment within {facts.payment_days} days; {MOST_PAYMENT_DAYS} is given alone.",
    ),
)


@dataclass(frozen=True)
class Need:
    """Somebody who must agree, and why."""

    approver: Approver
    codes: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def title(self) -> str:
        """The role, for people."""
        return TITLES[self.approver]


def needed(facts: Facts) -> list[Need]:
    """Return who must agree, in the order of the roles; nobody where no rule holds."""
    found = [rule for rule in RULES if rule.holds(facts)]
    return [
        Need(
            approver,
            tuple(rule.code for rule in found if rule.approver == approver),
            tuple(rule.says(facts) for rule in found if rule.approver == approver),
        )
        for approver in Approver
        if any(rule.approver == approver for rule in found)
    ]
