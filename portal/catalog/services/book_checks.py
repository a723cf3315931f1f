"""What may stand in a price book."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from portal.catalog.models import MOST_MONTHS, Commitment, FeeBasis
from portal.catalog.terms import FREE, CancellationTerms, notice_words
from portal.core.errors import InvalidInput
from portal.core.money import MINOR_UNITS, quantum, round_money
from portal.fleet.models import Region, ServerType

BOOK_NAME_LENGTH = 80
FEE_NAME_LENGTH = 80
MOST_PER_GPU_HOUR = Decimal(100_000)
MOST_FEE = Decimal(10_000_000)
RATE_PLACES = 6


@dataclass(frozen=True)
class PriceLine:
    """What one GPU of a server type is to cost for one hour in a region, for a term; without a floor, list is it."""

    server_type: ServerType
    region: Region
    per_gpu_hour: Decimal
    floor: Decimal | None = None
    months: int = 0
    commitment: Commitment = Commitment.PAY_AS_YOU_GO

    @property
    def least(self) -> Decimal:
        """The floor."""
        return self.per_gpu_hour if self.floor is None else self.floor

    def __str__(self) -> str:
        """Return what is sold where, for people."""
        term = f" for {self.months} months, {self.commitment.label}" if self.months else ""
        return f"{self.server_type.name} in {self.region.code}{term}"


@dataclass(frozen=True)
class FeeLine:
    """A one-off fee, in the currency of the book."""

    name: str
    amount: Decimal
    per: FeeBasis


@dataclass(frozen=True)
class Contents:
    """What is in a book: prices, what calling off costs, one-off fees."""

    prices: Sequence[PriceLine]
    terms: CancellationTerms = FREE
    fees: Sequence[FeeLine] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return what the record keeps of it."""
        return {
            "prices": {_key(line): _amounts(line) for line in self.prices},
            "terms": self.terms.as_json(),
            "fees": {fee.name: f"{fee.amount} {fee.per.label}" for fee in self.fees},
        }


def _key(line: PriceLine) -> str:
    term = f" {line.months} m {line.commitment}" if line.months else ""
    return f"{line.server_type.slug} {line.region.code}{term}"


def _amounts(line: PriceLine) -> str:
    listed, least = (f"{amount.normalize():f}" for amount in (line.per_gpu_hour, line.least))
    return listed if listed == least else f"{listed} floor {least}"


def check_name(name: str) -> None:
    """Raise InvalidInput on ``name`` unless it is one for people."""
    if not name.strip() or len(name) > BOOK_NAME_LENGTH or not name.isprintable():
        raise InvalidInput.of("name", "invalid_name", f"Give a name of 1 to {BOOK_NAME_LENGTH} printable characters.")


def check_currency(currency: str) -> None:
    """Raise InvalidInput on ``currency`` unless money knows it."""
    if currency not in MINOR_UNITS:
        raise InvalidInput.of("currency", "unknown", f"Choose one of {', '.join(sorted(MINOR_UNITS))}.")


def check_contents(contents: Contents, currency: str) -> None:
    """Raise InvalidInput on ``prices``, ``terms`` or ``fees`` for what cannot be in a book of that currency."""
    _check_prices(contents.prices)
    check_terms(contents.terms)
    _check_fees(contents.fees, currency)


def check_validity(now: datetime, start: datetime, end: datetime | None) -> None:
    """Raise InvalidInput on ``valid_from`` or ``valid_until`` for a time that is over, empty or reversed."""
    if start < now:
        raise InvalidInput.of("valid_from", "past", "This time is over; leave it empty to begin now.")
    if end is not None and end <= start:
        raise InvalidInput.of("valid_until", "reversed", "A book must end after it begins.")


def _check_prices(prices: Sequence[PriceLine]) -> None:
    if not prices:
        raise InvalidInput.of("prices", "none", "Give at least one price: a server type without one is not sold.")
    kinds = {(line.server_type.pk, line.region.pk, line.months, line.commitment) for line in prices}
    if len(kinds) < len(prices):
        raise InvalidInput.of("prices", "twice", "Give one price for a server type, region, term and commitment.")
    limit = f"from 0 to below {MOST_PER_GPU_HOUR}, with at most {RATE_PLACES} decimals"
    for line in prices:
        if not (_is_rate(line.per_gpu_hour) and _is_rate(line.least)):
            raise InvalidInput.of("prices", "out_of_range", f"{line}: give a price {limit}.")
        if line.least > line.per_gpu_hour:
            raise InvalidInput.of("prices", "floor_above_list", f"{line}: the floor must not be above the list price.")
        if not 0 <= line.months <= MOST_MONTHS:
            raise InvalidInput.of("prices", "term", f"{line}: a term is 0 (on demand) to {MOST_MONTHS} months.")
        if not line.months and line.commitment != Commitment.PAY_AS_YOU_GO:
            raise InvalidInput.of("prices", "commitment", f"{line}: on demand binds nobody; give a term of months.")


def _is_rate(amount: Decimal) -> bool:
    """Tell whether the column keeps this price as it is."""
    return amount.is_finite() and 0 <= amount < MOST_PER_GPU_HOUR and amount == round(amount, RATE_PLACES)


def check_terms(terms: CancellationTerms) -> None:
    """Raise InvalidInput on ``terms`` where one notice stands twice, or less notice costs less."""
    for longer, shorter in pairwise(terms.steps):
        if longer.notice == shorter.notice:
            raise InvalidInput.of("terms", "twice", f"Give one percentage for {notice_words(longer.notice)} of notice.")
        if shorter.percent < longer.percent:
            fall = f"{notice_words(shorter.notice)} of notice costs less than {notice_words(longer.notice)}"
            raise InvalidInput.of("terms", "falls", f"{fall}: less notice must not cost less.")


def _check_fees(fees: Sequence[FeeLine], currency: str) -> None:
    if len({fee.name for fee in fees}) < len(fees):
        raise InvalidInput.of("fees", "twice", "Give each fee a name of its own.")
    for fee in fees:
        if not fee.name.strip() or len(fee.name) > FEE_NAME_LENGTH or not fee.name.isprintable():
            raise InvalidInput.of("fees", "invalid_name", f"Name a fee in 1 to {FEE_NAME_LENGTH} printable characters.")
        amount = fee.amount
        if not (amount.is_finite() and 0 <= amount < MOST_FEE and amount == round_money(amount, currency)):
            limit = f"from 0 to below {MOST_FEE} in steps of {quantum(currency)} {currency}"
            raise InvalidInput.of("fees", "out_of_range", f"{fee.name}: give an amount {limit}.")
