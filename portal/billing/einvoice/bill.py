"""What stands in a document, whatever it is written in. Pure; amounts are those of the stored invoice, to the cent."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.einvoice.categories import Category
from portal.billing.einvoice.parties import Party

NOTHING = Decimal(0)


class BillKind(StrEnum):
    """What a document is (UNTDID 1001)."""

    INVOICE = "380"
    CREDIT_NOTE = "381"


class Unit(StrEnum):
    """What is counted (UN/ECE Recommendation 20)."""

    HOUR = "HUR"
    ONE = "C62"


@dataclass(frozen=True)
class Days:
    """A period as documents know it: both days belong to it."""

    first: date
    last: date


@dataclass(frozen=True)
class Item:
    """A line. What takes off has a quantity below nothing; a price never is (BR-27)."""

    name: str
    about: str
    quantity: Decimal
    unit: Unit
    price: Decimal
    amount: Decimal
    days: Days | None = None


@dataclass(frozen=True)
class Allowance:
    """What is taken off the whole, before tax: an amount above nothing, and why (BR-33)."""

    amount: Decimal
    reason: str


@dataclass(frozen=True)
class Bill:
    """An invoice or a credit note."""

    kind: BillKind
    number: str
    issued_on: date
    due_on: date | None
    terms: str
    days: Days | None
    currency: str
    seller: Party
    buyer: Party
    category: Category
    items: tuple[Item, ...]
    allowances: tuple[Allowance, ...] = ()
    tax: Decimal = NOTHING
    prepaid: Decimal = NOTHING
    order: str = ""
    contract: str = ""
    of_invoice: tuple[str, date] | None = None

    @property
    def line_total(self) -> Decimal:
        """The sum of the lines (BR-CO-10)."""
        return sum((item.amount for item in self.items), NOTHING)

    @property
    def allowance_total(self) -> Decimal:
        """The sum of what is taken off (BR-CO-11)."""
        return sum((each.amount for each in self.allowances), NOTHING)

    @property
    def basis(self) -> Decimal:
        """What tax is put on (BR-CO-13)."""
        return self.line_total - self.allowance_total

    @property
    def total(self) -> Decimal:
        """With the tax (BR-CO-15)."""
        return self.basis + self.tax

    @property
    def due(self) -> Decimal:
        """What is left to pay (BR-CO-16)."""
        return self.total - self.prepaid
