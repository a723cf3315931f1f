"""From what was measured and from what was late to what is credited: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any, Protocol

from portal.core.money import Money
from portal.sla.measuring import ALL, Measured

DIGITS = 60
"""Enough for a price that was not rounded yet, times a percentage."""
DAY_HOURS = 24


class Reason(StrEnum):
    """What a credit is for."""

    AVAILABILITY = "availability"
    LATE_HANDOVER = "late_handover"
    LATE_REPLACEMENT = "late_replacement"


class Promise(Protocol):
    """What of an SLA tier credits depend on: ``catalog.SlaTier`` has it."""

    degraded_weight: Decimal
    late_credit_percent: Decimal
    late_grace_minutes: int
    late_step_minutes: int
    handover_minutes: int
    replacement_minutes: int

    def credit_for(self, measured: Decimal) -> Decimal:
        """Return the percentage that is credited at an availability."""


@dataclass(frozen=True)
class Credit:
    """One credit: ``percent`` of the server's price of the month, cut to what was left of it."""

    reason: Reason
    percent: Decimal
    amount: Money
    arithmetic: dict[str, Any]


@dataclass(frozen=True)
class Late:
    """How many seconds after its promise something came, and what came late; negative for what was in time.

    ``came`` is empty for what did not come: then it is late ``until`` the end of the month, or of the waiting.
    ``passed`` seconds of it were in earlier months, and counted there.
    """

    reason: Reason
    seconds: int
    due: str
    came: str
    passed: int = 0
    until: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the form in which it stands in the arithmetic."""
        told = {"due_at": self.due, "came_at": self.came or None, "late_seconds": self.seconds}
        more = {"until": self.until, "earlier_seconds": self.passed}
        return told | {name: value for name, value in more.items() if value}


def credits_of(
    promise: Promise, measured: Measured, lates: Sequence[Late], price: Decimal, day_price: Decimal, currency: str
) -> list[Credit]:
    """Return what is credited for a server-month with a ``price`` that is not rounded, most important first.

    All together are never more than the price. ``day_price`` is what a day of the server costs. What comes to nothing
    is left out.
    """
    left = Money(price, currency)
    found = []
    for credit in (
        _for_availability(promise, measured, price, currency),
        *_for_lates(promise, lates, day_price, price),
    ):
        reason, percent, base, arithmetic = credit
        with localcontext(prec=DIGITS):
            full = Money(base * percent / ALL, currency)
        amount = Money(min(full.amount, left.amount), currency)
        if amount.amount <= 0:
            continue
        left = Money(left.amount - amount.amount, currency)
        told = {**arithmetic, "percent": shown(percent), "amount": str(amount.amount), "currency": currency}
        if amount != full:
            told["capped_from"] = str(full.amount)
        found.append(Credit(reason, percent, amount, told))
    return found


_Part = tuple[Reason, Decimal, Decimal, dict[str, Any]]


def _for_availability(promise: Promise, measured: Measured, price: Decimal, currency: str) -> _Part:
    availability = measured.availability(promise.degraded_weight)
    told = {
        "measured_seconds": measured.obliged,
        "down_seconds": measured.down,
        "degraded_seconds": measured.degraded,
        "degraded_weight": shown(promise.degraded_weight),
        "unknown_seconds": measured.unknown,
        "excluded_seconds": {"maintenance": measured.maintenance, "tenant": measured.tenant},
        "availability": shown(availability),
        "price": shown(price),
    }
    return Reason.AVAILABILITY, promise.credit_for(availability), price, told


def _for_lates(promise: Promise, lates: Sequence[Late], day_price: Decimal, price: Decimal) -> list[_Part]:
    """Return a part for each reason: what came late several times is added up."""
    parts = []
    for reason in (Reason.LATE_HANDOVER, Reason.LATE_REPLACEMENT):
        of_reason = [late for late in lates if late.reason == reason]
        counted = [(late, _steps(late, promise)) for late in of_reason]
        steps = sum(number for _, number in counted)
        told = {
            "late": [{**late.as_json(), "steps": number} for late, number in counted],
            "grace_minutes": promise.late_grace_minutes,
            "step_minutes": promise.late_step_minutes,
            "percent_per_step": shown(promise.late_credit_percent),
            "day_price": shown(day_price),
            "cap": shown(price),
        }
        parts.append((reason, promise.late_credit_percent * steps, day_price, told))
    return parts


def _steps(late: Late, promise: Promise) -> int:
    """Return the steps that were begun in the month."""
    return late_steps(late.seconds, promise) - late_steps(late.passed, promise)


def late_steps(late_seconds: int, promise: Promise) -> int:
    """Return how many steps of lateness were begun beyond the grace."""
    beyond = late_seconds - promise.late_grace_minutes * 60
    return max(0, -(-beyond // (promise.late_step_minutes * 60)))


def shown(number: Decimal) -> str:
    """Write a number that was not rounded, to 12 places: what people and programs recompute with."""
    return f"{number:.12f}".rstrip("0").rstrip(".")
