"""What is wrong with the lines of a contract: every field of every row at once, without looking at the calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portal.catalog.models import Commitment
from portal.catalog.rates import contract_price
from portal.contracts.arithmetic import LineTerms, whole_months
from portal.contracts.continuing import goes_on
from portal.contracts.heads import refuse_any
from portal.contracts.models import Contract
from portal.contracts.wishes import LineWish, at_line
from portal.core import clock
from portal.core.errors import FieldError, InvalidInput, NoPrice
from portal.core.periods import Period
from portal.reservations.models import Placement
from portal.reservations.request import MAX_COUNT

MOST_LINES = 100
MOST_PRICE = Decimal(10_000)
"""Per GPU-hour."""


@dataclass(frozen=True)
class PricedLine:
    """A line without a fault, with its list price and floor of now; those that were agreed on for one that goes on."""

    wish: LineWish
    period: Period
    money: LineTerms


def priced(contract: Contract, wishes: Sequence[LineWish], at: datetime | None = None) -> list[PricedLine]:
    """Return the lines with their prices of now. Raises InvalidInput with every wrong field of every row."""
    if not wishes:
        raise InvalidInput.of("lines", "required", "A contract has at least one line; add what is sold.")
    if len(wishes) > MOST_LINES:
        raise InvalidInput.of("lines", "too_many", f"A contract has at most {MOST_LINES} lines.")
    now, found, errors = at or clock.now(), [], []
    for number, wish in enumerate(_each_goes_on_once(wishes)):
        line, wrong = _look(contract, wish, now)
        errors += [at_line(number, error) for error in wrong]
        if line is not None:
            found.append(line)
    refuse_any(errors)
    return found


def _each_goes_on_once(wishes: Sequence[LineWish]) -> Iterator[LineWish]:
    """Return the lines; what was copied from a row that goes on with a line in force is a line of its own."""
    seen: set[int] = set()
    for wish in wishes:
        origin = wish.origin.pk if wish.origin else None
        yield replace(wish, origin=None) if origin in seen else wish
        if origin is not None:
            seen.add(origin)


def look_at_line(contract: Contract, wish: LineWish) -> tuple[PricedLine | None, list[FieldError]]:
    """Return one line with its price as far as it has one, and what is wrong with it: for a form being filled in."""
    return _look(contract, wish, clock.now())


def _look(contract: Contract, wish: LineWish, now: datetime) -> tuple[PricedLine | None, list[FieldError]]:
    errors = [*_about_dates(contract, wish, now), *_about_numbers(contract, wish)]
    period = wish.period
    if period is None or any(error.field in ("count", "unit_price", "discount") for error in errors):
        return None, errors
    try:
        rates = _rates(contract, wish, now)
    except NoPrice as error:
        return None, [*errors, FieldError("server_type", error.code, error.detail)]
    line = PricedLine(wish, period, _money(contract, wish, period, *rates))
    return line, [*errors, *_about_price(line)]


def _rates(contract: Contract, wish: LineWish, now: datetime) -> tuple[Decimal, Decimal]:
    """Return list price and floor. Raises NoPrice."""
    if wish.origin is not None and goes_on(contract, wish):
        return wish.origin.list_price, wish.origin.floor_price
    # The lower price of who binds itself to a minimum spend is for nobody else.
    bound = Commitment.RESERVED if contract.minimum_spend else Commitment.PAY_AS_YOU_GO
    months = whole_months(contract.span)
    rate = contract_price(wish.server_type, wish.region, contract.currency, months, now, bound)
    return rate.list_rate, rate.floor_rate


def _money(contract: Contract, wish: LineWish, period: Period, listed: Decimal, floor: Decimal) -> LineTerms:
    return LineTerms(
        servers=wish.count,
        gpus_per_server=wish.server_type.gpu_count,
        period=period,
        unit=listed if wish.unit_price is None else wish.unit_price,
        discount=wish.discount,
        list_rate=listed,
        floor_rate=floor,
        currency=contract.currency,
    )


def _about_dates(contract: Contract, wish: LineWish, now: datetime) -> Iterator[FieldError]:
    term = contract.span
    # What goes on from an earlier version began when it began.
    before = wish.origin if wish.origin is not None and wish.origin.contract_id == contract.amends_id else None
    agreed = before is not None and before.span.start == wish.starts_at
    if wish.starts_at < now and not agreed:
        yield FieldError("starts_at", "in_the_past", "The line begins in the past; choose a later start.")
    elif not term.contains(wish.starts_at):
        yield FieldError("starts_at", "outside_term", f"The term is from {_day(term.start)} to {_day(term.end)}.")
    if wish.ends_at <= wish.starts_at:
        yield FieldError("ends_at", "not_after_start", "The line must end after it starts.")
    elif wish.ends_at > term.end:
        yield FieldError("ends_at", "outside_term", f"The term ends on {_day(term.end)}; end the line by then.")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if moment.time() == moment.min.time() else f"{moment:%Y-%m-%d %H:%M}"


def _about_numbers(contract: Contract, wish: LineWish) -> Iterator[FieldError]:
    if not 1 <= wish.count <= MAX_COUNT:
        yield FieldError("count", "out_of_range", f"Give 1 to {MAX_COUNT} servers.")
    price, discount = wish.unit_price, wish.discount
    if price is not None and not (price.is_finite() and 0 <= price <= MOST_PRICE and price == round(price, 6)):
        yield FieldError("unit_price", "out_of_range", f"Give 0 to {MOST_PRICE}, with at most six decimals.")
    if not (discount.is_finite() and 0 <= discount <= 100 and discount == round(discount, 2)):
        yield FieldError("discount", "out_of_range", "Give 0 to 100 percent, with at most two decimals.")
    if not 0 <= wish.overflow <= MAX_COUNT:
        yield FieldError("overflow", "out_of_range", f"Give 0 to {MAX_COUNT} servers.")
    if wish.placement not in Placement.values:
        yield FieldError("placement", "unknown", f"Choose one of: {', '.join(Placement.values)}.")
    if wish.currency and wish.currency != contract.currency:
        text = f"The contract is in {contract.currency}; a line in {wish.currency} needs a contract of its own."
        yield FieldError("currency", "mixed", text)


def _about_price(line: PricedLine) -> Iterator[FieldError]:
    if line.money.is_too_fine:
        text = "Price less discount has more than six decimals; round the price, or the discount to a whole percent."
        yield FieldError("discount", "too_fine", text)
    elif line.money.is_below_floor and not line.wish.below_floor_reason.strip():
        floor = f"{line.money.floor_rate.normalize():f}"
        text = f"Price less discount is below the floor of {floor}; raise it, or give a reason."
        yield FieldError("below_floor_reason", "required", text)
    if len(line.wish.below_floor_reason) > 300:
        yield FieldError("below_floor_reason", "length", "Give at most 300 characters.")
