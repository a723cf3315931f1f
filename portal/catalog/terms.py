"""Cancellation terms: what is owed for what is called off before it starts. Pure: no rows, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, Self

from portal.core.money import Money

HOUR = timedelta(hours=1)
MOST_NOTICE = timedelta(days=3650)
PERCENT_PLACES = 2
NOTHING, ALL = Decimal(0), Decimal(100)


@dataclass(frozen=True)
class Step:
    """With at least ``notice`` before the start, ``percent`` of the price is owed."""

    notice: timedelta
    percent: Decimal

    def __post_init__(self) -> None:
        """Refuse (ValueError) what is not whole hours up to ten years, and percents outside 0..100 or too fine."""
        if self.notice % HOUR or not timedelta(0) <= self.notice <= MOST_NOTICE:
            raise ValueError(f"Give a notice of 0 to {MOST_NOTICE // HOUR} whole hours.")
        percent = self.percent
        if not (percent.is_finite() and NOTHING <= percent <= ALL and percent == round(percent, PERCENT_PLACES)):
            raise ValueError(f"Give a percentage from 0 to 100, with at most {PERCENT_PLACES} decimals.")


@dataclass(frozen=True)
class CancellationTerms:
    """Steps, longest notice first. With less notice than any of them all is owed; without steps nothing ever is."""

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Put the longest notice first."""
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=lambda step: step.notice, reverse=True)))

    @classmethod
    def of_pairs(cls, pairs: Iterable[tuple[timedelta, Decimal]]) -> Self:
        """Build terms from pairs of notice and percent, in any order. Raises ValueError as ``Step`` does."""
        return cls(tuple(Step(notice, percent) for notice, percent in pairs))

    def percent_at(self, notice: timedelta) -> Decimal:
        """Return the percentage of the price that is owed with that much notice; after the start it is negative."""
        if not self.steps:
            return NOTHING
        return next((step.percent for step in self.steps if step.notice <= notice), ALL)

    def fee(self, price: Money, notice: timedelta) -> Money:
        """Return what is owed with that much notice, rounded once."""
        return Money(price.amount * self.percent_at(notice).scaleb(-2), price.currency)

    def free_until(self, start: datetime) -> datetime | None:
        """Return the last instant at which calling off is free; None where it never is, ``start`` without steps."""
        if not self.steps:
            return start
        free = [step.notice for step in self.steps if step.percent == NOTHING]
        return start - min(free) if free else None

    def steps_before(self, start: datetime, now: datetime) -> list[tuple[datetime, Decimal]]:
        """Return what is owed from ``now`` on: up to which instant (it included) which percentage, earliest first.

        Neighbours of one percentage are one; the last instant is ``start``. Empty after the start.
        """
        ends = [(start - step.notice, step.percent) for step in self.steps]
        if not ends or ends[-1][0] < start:
            ends.append((start, self.percent_at(timedelta(0))))
        merged = [list(same)[-1] for _, same in groupby(ends, key=lambda end: end[1])]
        return [(until, percent) for until, percent in merged if until >= now]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the form that is kept with a reservation: whole hours, and the percentage as a decimal string."""
        return [{"notice_hours": step.notice // HOUR, "percent": written(step.percent)} for step in self.steps]

    @classmethod
    def of_json(cls, kept: Iterable[Mapping[str, Any]]) -> Self:
        """Read what ``as_json`` wrote. Raises ValueError, KeyError or ArithmeticError for anything else."""
        return cls.of_pairs((int(str(item["notice_hours"])) * HOUR, Decimal(str(item["percent"]))) for item in kept)

    def __str__(self) -> str:
        """Return the rule without instants, such as ``0 % with 7 d of notice, 25 % with 24 h, else 100 %``."""
        if not self.steps:
            return "Free at any time"
        said = [f"{written(step.percent)} % with {notice_words(step.notice)}" for step in self.steps]
        said[0] += " of notice"
        return ", ".join(said if self.steps[-1].notice == timedelta(0) else [*said, "else 100 %"])


FREE = CancellationTerms()
"""Called off at any time, nothing is owed."""


def written(percent: Decimal) -> str:
    """Return a percentage without needless zeros, such as ``12.5``."""
    return f"{percent.normalize():f}" if percent else "0"


def notice_words(notice: timedelta) -> str:
    """Return a notice of whole hours in days where it is two or more whole ones, else in hours."""
    days, rest = divmod(notice, timedelta(days=1))
    return f"{days} d" if days > 1 and not rest else f"{notice // HOUR} h"


def describe(terms: CancellationTerms, start: datetime, now: datetime) -> str:
    """Return the terms as one sentence for people who may call off from ``now`` on what begins at ``start``.

    Such as ``Free cancellation until 25 Nov 12:00 UTC, then 25 %, from 1 Dec 12:00 UTC 100 %.``
    """
    if not terms.steps:
        return "Free cancellation at any time."
    spans = terms.steps_before(start, now) or [(start, terms.percent_at(start - now))]
    until, percent = spans[0]
    said = "Free cancellation" if percent == NOTHING else f"Cancellation costs {written(percent)} %"
    if len(spans) == 1 and percent != NOTHING:
        return f"{said} of the price."
    parts = [f"{said} until {_when(until, now)}"]
    parts += [f"then {written(percent)} %" for _, percent in spans[1:2]]
    later = pairwise(spans[1:])
    parts += [f"from {_when(before, now)} {written(percent)} %" for (before, _), (_, percent) in later]
    return f"{', '.join(parts)}."


def _when(moment: datetime, now: datetime) -> str:
    """Return an instant for people, to the minute; the year only where it is not that of ``now``."""
    at = moment.astimezone(UTC)
    year = "" if at.year == now.astimezone(UTC).year else f" {at.year}"
    return f"{at.day} {at:%b}{year} {at:%H:%M} UTC"
