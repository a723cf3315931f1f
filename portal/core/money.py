"""Money: a decimal amount and a currency, and the one rounding function."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Self

# ISO 4217 minor units of the currencies that price books may use.
MINOR_UNITS = {"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "SEK": 2, "JPY": 0}


@cache
def quantum(currency: str) -> Decimal:
    """Return the smallest amount of ``currency``. Raises ValueError for an unknown currency."""
    if currency not in MINOR_UNITS:
        raise ValueError(f"Unknown currency {currency!r}; known: {', '.join(sorted(MINOR_UNITS))}.")
    return Decimal(1).scaleb(-MINOR_UNITS[currency])


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the minor unit of ``currency``: the only rounding of money in the product.

    Nothing comes out as minus nothing. Raises ValueError for an unknown currency, and for what is not a number.
    """
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount of money.")
    rounded = amount.quantize(quantum(currency), rounding=ROUND_HALF_UP)
    return rounded if rounded else abs(rounded)


@dataclass(frozen=True)
class Money:
    """A rounded amount of one currency. Arithmetic across currencies raises ValueError."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        """Round the amount to the minor unit."""
        object.__setattr__(self, "amount", round_money(self.amount, self.currency))

    def __add__(self, other: Self) -> Self:
        """Add two amounts of the same currency."""
        if self.currency != other.currency:
            raise ValueError(f"Cannot add {other.currency} to {self.currency}.")
        return type(self)(self.amount + other.amount, self.currency)

    def as_json(self) -> dict[str, str]:
        """Return the API form: decimal string and currency code."""
        return {"amount": str(self.amount), "currency": self.currency}

    def __str__(self) -> str:
        """Return a form for people, such as ``USD 1,234.50``."""
        return f"{self.currency} {self.amount:,}"
