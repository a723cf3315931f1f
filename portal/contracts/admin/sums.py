"""What a form that is being filled in comes to: row by row, and in all; nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.catalog.terms import written
from portal.contracts.admin.head_form import HeadForm
from portal.contracts.admin.line_form import LineForm, written_rows
from portal.contracts.arithmetic import LineTerms, Totals, totals, whole_months
from portal.contracts.checks import look_at_line
from portal.contracts.continuing import goes_on
from portal.contracts.lights import KEPT, UNKNOWN, Light, lights_of
from portal.contracts.models import Contract
from portal.contracts.rules import Facts, Need, needed
from portal.contracts.wishes import ContractWish, LineWish
from portal.core.periods import Period


@dataclass(frozen=True)
class RowSums:
    """What a row shows beside its fields."""

    key: str
    money: LineTerms | None = None
    light: Light = UNKNOWN
    faults: tuple[str, ...] = ()
    parts: int = 1

    @property
    def list_rate(self) -> str:
        """The list price."""
        return written(self.money.list_rate) if self.money else ""

    @property
    def floor_rate(self) -> str:
        """The least price."""
        return written(self.money.floor_rate) if self.money else ""

    @property
    def net(self) -> str:
        """The price after the discount."""
        return written(self.money.net) if self.money else ""


@dataclass(frozen=True)
class Sums:
    """What the page shows beside the form."""

    rows: list[RowSums]
    totals: Totals | None = None
    needs: tuple[Need, ...] = ()
    per_gpu_hour: str = ""


def contract_like(wish: ContractWish, row: Contract | None) -> Contract:
    """Return a contract that is not written, to look at lines with; ``row`` is what it is written anew from."""
    term = Period(wish.starts_at, wish.ends_at)
    return Contract(
        currency=wish.chosen_currency,
        term=term.as_range(),
        payment_days=wish.payment_days,
        minimum_spend=wish.minimum_spend,
        amends_id=row.amends_id if row else None,
    )


def sums_of(head: HeadForm, lines: Any) -> Sums:
    """Return what the forms come to, as far as they are filled in."""
    lines.is_valid()
    rows: list[LineForm] = written_rows(lines)
    wish = head.wish() if head.is_valid() else None
    if wish is None or wish.ends_at <= wish.starts_at:
        return Sums([RowSums(row.prefix or "") for row in rows])
    contract = contract_like(wish, head.row)
    term = contract.span
    written_lines = [(row, row.wishes(term)) for row in rows if row.is_valid()]
    lights = iter(_lights(contract, [line for _, found in written_lines for line in found]))
    money: list[LineTerms] = []
    shown = [
        _row(contract, row.prefix or "", found, [next(lights) for _ in found], money) for row, found in written_lines
    ]
    total = totals(money, term, contract.currency)
    overflow = max((line.overflow for _, found in written_lines for line in found), default=0)
    facts = Facts(tuple(money), total, whole_months(term), contract.payment_days, overflow)
    return Sums(shown, total, tuple(needed(facts)) if money else (), written(total.per_gpu_hour))


def _lights(contract: Contract, lines: Sequence[LineWish]) -> list[Light]:
    """Return the light of each line; one that goes on has its servers already."""
    kept = [goes_on(contract, line) for line in lines]
    others = iter(lights_of([line for line, is_kept in zip(lines, kept, strict=True) if not is_kept]))
    return [KEPT if is_kept else next(others) for is_kept in kept]


def _row(contract: Contract, key: str, found: list[LineWish], lights: list[Light], money: list[LineTerms]) -> RowSums:
    """Return what a row comes to, and note the money of its lines; of a ramp the first line's rates are shown."""
    looks = [look_at_line(contract, line) for line in found]
    priced = [line.money for line, _ in looks if line is not None]
    money.extend(priced)
    faults = tuple(dict.fromkeys(error.detail for _, errors in looks for error in errors))
    light = next((light for light in lights if light.colour != lights[0].colour), lights[0])
    return RowSums(key, priced[0] if priced else None, light, faults, len(found))
