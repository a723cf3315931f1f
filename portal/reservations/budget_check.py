"""Budgets held against what is booked: what a calendar month (UTC) comes to at the agreed prices, exactly.

A price is spread over the time that it is for, by the microsecond; a fee is of the month in which it became due.
Nothing is rounded before it is shown. What contracts book counts, but a budget does not refuse it: it is agreed
elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from django.db.models import Q

from portal.catalog.selectors import PriceQuote
from portal.core import clock
from portal.core.errors import BudgetExceeded
from portal.core.money import Money
from portal.core.periods import Period
from portal.quotas.models import Budget, QuotaScope
from portal.quotas.selectors import budgets_for
from portal.reservations.charges import Charge, charges_of
from portal.reservations.models import COUNTED, Reservation
from portal.reservations.quota_check import MICROSECOND, months_of, shared
from portal.reservations.states import LIVE
from portal.tenancy.models import Project


@dataclass(frozen=True)
class BudgetUse:
    """What of a budget is booked in the present month: rounded for people, and its share exactly."""

    budget: Budget
    month: Period
    booked: Money
    share: Fraction

    @property
    def name(self) -> str:
        """The month as ``YYYY-MM``."""
        return f"{self.month.start:%Y-%m}"

    @property
    def percent(self) -> int:
        """Whole percents that are booked, never more than really are."""
        return int(self.share * 100)


def check_budgets(
    *, project: Project, asked: Iterable[Charge], span: Period, currency: str, beside: Reservation | None = None
) -> None:
    """Lock the budgets that apply, in pk order, and look whether what is ``asked`` for a span fits those that stop.

    Call it inside the transaction that books, before it locks limits and books. ``beside`` is a reservation that only
    changes its project: it counts for its organization as before. Raises BudgetExceeded for the first month of the
    first budget that does not allow it.
    """
    charges = list(asked)
    for budget in budgets_for(project, lock=True):
        counts_already = beside is not None and budget.project_id is None
        if not budget.stops or budget.currency != currency or counts_already:
            continue
        months = [month for month in months_of(span) if month.end > clock.now()]
        for month, booked in zip(months, booked_in(budget, months), strict=True):
            more = part_in(charges, span, month)
            if more and booked + more > Fraction(budget.amount):
                raise _refusal(budget, project, month, booked, more)


def charges_for(price: PriceQuote, count: int, period: Period) -> list[Charge]:
    """Return what a price that was quoted for a period is made of: its first line is for the time, others are fees."""
    first, *others = price.lines
    return [Charge(first, count, price.rate, period), *(Charge(line) for line in others)]


def budget_use(budgets: Iterable[Budget]) -> list[BudgetUse]:
    """Return what of each budget is booked in the present month, in their order."""
    now = clock.now()
    month = months_of(Period(now, now + MICROSECOND))[0]
    found = []
    for budget in budgets:
        booked = booked_in(budget, [month])[0]
        shown = Money(_decimal(booked), budget.currency)
        found.append(BudgetUse(budget, month, shown, booked / Fraction(budget.amount)))
    return found


def booked_in(budget: Budget, months: Sequence[Period]) -> list[Fraction]:
    """Return what each of some months that follow one another comes to, in a budget's currency."""
    if not months:
        return []
    span = Period(months[0].start, months[-1].end).as_range()
    rows = Reservation.objects.filter(organization=budget.organization_id, currency=budget.currency)
    if budget.project_id is not None:
        rows = rows.filter(project=budget.project_id)
    sums = [Fraction(0) for _ in months]
    for row in rows.select_related("server_type", "region").filter(COUNTED, period__overlap=span).order_by("pk"):
        charges = charges_of(row)
        for number, month in enumerate(months):
            sums[number] += part_in(charges, row.span, month)
    # What was called off before it began may have cost something, at once.
    gone = rows.filter(~Q(state__in=sorted(LIVE)), handed_over_at=None, cancellation_fee__gt=0)
    over = gone.filter(state_changed_at__gte=months[0].start, state_changed_at__lt=months[-1].end)
    for at, fee in over.values_list("state_changed_at", "cancellation_fee"):
        sums[next(number for number, month in enumerate(months) if month.contains(at))] += Fraction(fee)
    return sums


def part_in(charges: Iterable[Charge], span: Period, month: Period) -> Fraction:
    """Return what of a price is for a month. Fees are of the span in which the price is for, whenever they were due."""
    total = Fraction(0)
    for charge in charges:
        amount = Fraction(charge.amount.amount)
        if charge.period is None:
            at = min(max(charge.at or span.start, span.start), span.end - MICROSECOND)
            total += amount if month.contains(at) else 0
        elif length := charge.period.end - charge.period.start:
            total += amount * _microseconds(shared(charge.period, month)) / _microseconds(length)
    return total


def _microseconds(time: timedelta) -> int:
    return time // MICROSECOND


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _refusal(budget: Budget, project: Project, month: Period, booked: Fraction, more: Fraction) -> BudgetExceeded:
    who = project.organization.name if budget.scope is QuotaScope.ORGANIZATION else project.name
    before, asked = (Money(_decimal(exact), budget.currency) for exact in (booked, more))
    return BudgetExceeded(
        f"{who} means to spend {budget.value} in {month.start:%Y-%m}, and {before} are booked; {asked} more go beyond "
        "it. Choose less or another month, or ask an owner, an admin or billing to raise the budget.",
        extra={
            "limit": budget.value.as_json(),
            "booked": before.as_json(),
            "requested": asked.as_json(),
            "scope": budget.scope.value,
            "month": f"{month.start:%Y-%m}",
        },
    )
