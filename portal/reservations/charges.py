"""What the price of a reservation is made of, and what of it is owed for what is called off: no rows, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from portal.catalog.selectors import QuoteLine, Tariff
from portal.catalog.terms import ALL, NOTHING, CancellationTerms, describe, written
from portal.core import clock
from portal.core.money import Money
from portal.core.periods import Period
from portal.reservations.models import Reservation
from portal.reservations.states import TO_COME, ReservationState


class Unused(StrEnum):
    """What is owed for time that is given back."""

    PAID = "paid"
    BY_TERMS = "by_terms"
    FREE = "free"


@dataclass(frozen=True)
class Charge:
    """One line of a price: of ``count`` servers at a rate for a period; a fee is of none and for no period.

    ``at``: when a fee became due.
    """

    line: QuoteLine
    count: int = 0
    rate: Decimal = Decimal(0)
    period: Period | None = None
    at: datetime | None = None

    @property
    def amount(self) -> Money:
        """What it comes to."""
        return self.line.amount

    def as_json(self) -> dict[str, Any]:
        """Return the form that is kept with a reservation: that of its line, with what is needed to cut it."""
        if self.period is None:
            return self.line.as_json() | ({"at": self.at.isoformat()} if self.at else {})
        return self.line.as_json() | {
            "count": self.count,
            "rate": str(self.rate),
            "starts_at": self.period.start.isoformat(),
            "ends_at": self.period.end.isoformat(),
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` wrote, or a line as it was quoted."""
        line = QuoteLine.of_json(kept)
        if "starts_at" not in kept:
            return cls(line, at=datetime.fromisoformat(kept["at"]) if "at" in kept else None)
        period = Period(datetime.fromisoformat(kept["starts_at"]), datetime.fromisoformat(kept["ends_at"]))
        return cls(line, int(kept["count"]), Decimal(kept["rate"]), period)


@dataclass(frozen=True)
class Cancellation:
    """What calling off costs at an instant.

    ``percent`` of the price; ``free_until`` is the last instant at which it is free, None where it never is.
    """

    fee: Money
    percent: Decimal
    free_until: datetime | None
    description: str


@dataclass(frozen=True)
class Cut:
    """A price without its time after some instant.

    ``removed`` is what that time was to cost, ``fee`` what of it is owed all the same, ``owed`` all such fees so far.
    """

    charges: tuple[Charge, ...]
    removed: Money
    percent: Decimal
    fee: Money
    total: Money
    owed: Money

    @property
    def saved(self) -> Money:
        """By how much less the price is."""
        return less(self.removed, self.fee)


def less(one: Money, other: Money) -> Money:
    """Return the difference of two amounts of one currency."""
    return Money(one.amount - other.amount, one.currency)


def charges_of(reservation: Reservation) -> tuple[Charge, ...]:
    """Return what the price is made of. That of a reservation that was never changed is for all of its period."""
    charges = [Charge.of_json(kept) for kept in reservation.price_lines]
    if any(charge.period is not None or charge.at is not None for charge in charges):
        return tuple(charges)
    others = charges[1:]
    price = Money(reservation.price, reservation.currency)
    first = charges[0].line if charges else _tariff(reservation).quote(reservation.count, reservation.span).lines[0]
    line = replace(first, amount=less(price, sum_of(others, reservation.currency)))
    return (Charge(line, reservation.count, reservation.rate_per_gpu_hour, reservation.span), *others)


def sum_of(charges: Iterable[Charge], currency: str) -> Money:
    """Return what charges come to."""
    return sum((charge.amount for charge in charges), Money(Decimal(0), currency))


def _tariff(reservation: Reservation, rate: Decimal | None = None) -> Tariff:
    return Tariff(
        reservation.server_type,
        reservation.region,
        reservation.currency,
        reservation.rate_per_gpu_hour if rate is None else rate,
        terms_of(reservation),
    )


def terms_of(reservation: Reservation) -> CancellationTerms:
    """Return the cancellation terms that were agreed."""
    return CancellationTerms.of_json(reservation.cancellation_terms)


def cut(reservation: Reservation, ends_at: datetime, at: datetime, unused: Unused = Unused.BY_TERMS) -> Cut:
    """Return the price with an earlier end, when that is asked at ``at``: the later the notice, the more is owed.

    What is given back at once is given back without notice: there ``ends_at`` is ``at``. What is ``unused`` may also be
    owed in full, or not at all.
    """
    by_terms = terms_of(reservation).percent_at(ends_at - at)
    percent = {Unused.PAID: ALL, Unused.BY_TERMS: by_terms, Unused.FREE: NOTHING}[unused]
    before = charges_of(reservation)
    kept = tuple(left for charge in before if (left := _before(reservation, charge, ends_at)) is not None)
    currency = reservation.currency
    removed = less(sum_of(before, currency), sum_of(kept, currency))
    fee = Money(removed.amount * percent.scaleb(-2), currency)
    if fee.amount:
        label = f"Given back from {clock.as_rfc3339(ends_at)}"
        kept = (*kept, Charge(QuoteLine(label, f"{written(percent)} % of {removed}", fee), at=at))
    owed = Money(reservation.cancellation_fee, currency) + fee
    return Cut(kept, removed, percent, fee, sum_of(kept, currency), owed)


def _before(reservation: Reservation, charge: Charge, ends_at: datetime) -> Charge | None:
    """Return what of a charge is for the time before ``ends_at``; None for one that is all later."""
    whole = charge.period
    if whole is None or whole.end <= ends_at:
        return charge
    if whole.start >= ends_at:
        return None
    kept = Period(whole.start, ends_at)
    tariff = _tariff(reservation, charge.rate)
    lost = less(tariff.quote(charge.count, whole).total, tariff.quote(charge.count, kept).total)
    quantity = tariff.quote(charge.count, kept).lines[0].quantity
    # What was quoted may be for a little less or more time than is left: it is never worth less than nothing.
    amount = Money(max(charge.amount.amount - lost.amount, Decimal(0)), charge.amount.currency)
    return replace(charge, line=replace(charge.line, quantity=quantity, amount=amount), period=kept)


def cancellation_of(reservation: Reservation, at: datetime) -> Cancellation:
    """Return what calling off costs at ``at``, as far as nothing is handed over; after that, what is owed anyway.

    A hold costs nothing, nor does a start that the provider is late with.
    """
    nothing = Money(Decimal(0), reservation.currency)
    start = reservation.span.start
    if reservation.state == ReservationState.HELD:
        return Cancellation(nothing, NOTHING, start, "A hold costs nothing.")
    if reservation.state not in TO_COME:
        return Cancellation(reservation.total, ALL, None, "It can no longer be called off.")
    if reservation.start_delayed_at is not None and at >= start:
        return Cancellation(nothing, NOTHING, reservation.span.end, "Its start is late, so calling it off is free.")
    terms = terms_of(reservation)
    owed = Money(reservation.cancellation_fee, reservation.currency)
    price = less(Money(reservation.price, reservation.currency), owed)
    return Cancellation(
        owed + terms.fee(price, start - at),
        terms.percent_at(start - at),
        terms.free_until(start),
        describe(terms, start, at),
    )
