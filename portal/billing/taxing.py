"""What comes to a line's sum: credits are taken off, then the tax is put on. Pure, and rounded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.core.money import round_money


@dataclass(frozen=True)
class Sums:
    """What an invoice comes to."""

    subtotal: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """With the tax."""
        return self.subtotal + self.tax


def sums_of(amounts: Sequence[Decimal], tax_rate: Decimal, currency: str) -> Sums:
    """Return subtotal and tax of lines; ``tax_rate`` is in percent. Raises ValueError where they are below nothing."""
    subtotal = sum(amounts, Decimal(0))
    if subtotal < 0:
        raise ValueError("An invoice is never below nothing.")
    return Sums(subtotal, round_money(subtotal * tax_rate.scaleb(-2), currency))


def taken(wanted: Sequence[Decimal], most: Decimal) -> list[Decimal]:
    """Return how much of each amount can be taken off ``most``, the first ones first."""
    found, left = [], most
    for amount in wanted:
        part = min(amount, left)
        found.append(part)
        left -= part
    return found
