"""How staff write prices and fees: one a line, such as ``12 m: 1.99 floor 1.60`` or ``500.00 once: Set-up``."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.catalog.models import Commitment, FeeBasis
from portal.catalog.services.book_checks import FeeLine, PriceLine
from portal.fleet.models import Region, ServerType

AMOUNT = r"[0-9]{1,8}(?:\.[0-9]{1,6})?"
PRICE = re.compile(
    rf"(?:(?:on demand|(?P<months>[0-9]{{1,3}}) ?m(?P<reserved> reserved)?) ?: ?)?"
    rf"(?P<list>{AMOUNT})(?: floor (?P<floor>{AMOUNT}))?"
)
FEE = re.compile(rf"(?P<amount>{AMOUNT}) (?P<per>once|per contract|per server) ?: ?(?P<name>.+)")
BASES = {basis.label: basis for basis in FeeBasis}
MOST_LETTERS = 4000
PRICES_HELP = (
    "Prices are per GPU and hour, one term a line: 2.49 floor 1.99, 12 m: 2.10 floor 1.75, 12 m reserved: 1.99 floor "
    "1.60. Without a term it is on demand; without a floor, list is the floor. Empty: not sold there."
)
FEES_HELP = "One a line: 500.00 once: Set-up, 250.00 per contract: Cross-connect, 40.00 per server: Own image."


def price_text(line: PriceLine) -> str:
    """Return a price as the field reads it."""
    reserved = " reserved" if line.commitment == Commitment.RESERVED else ""
    term = f"{line.months} m{reserved}: " if line.months else ""
    floor = "" if line.least == line.per_gpu_hour else f" floor {_rate_text(line.least)}"
    return f"{term}{_rate_text(line.per_gpu_hour)}{floor}"


def _rate_text(rate: Decimal) -> str:
    """Return a rate with two places, or with as many as it needs."""
    return f"{rate:.2f}" if rate == round(rate, 2) else f"{rate.normalize():f}"


def fees_text(fees: Sequence[FeeLine]) -> str:
    """Return fees as the field reads them."""
    return "\n".join(f"{fee.amount} {fee.per.label}: {fee.name}" for fee in fees)


class LinesField(forms.CharField):
    """Text of which each line means something; lines that are empty do not count."""

    def __init__(self, rows: int, **kwargs: Any) -> None:
        """Have that many rows."""
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows})
        super().__init__(required=False, max_length=MOST_LETTERS, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the lines, each with single spaces."""
        lines = [" ".join(line.split()) for line in super().clean(value).splitlines()]
        return [self.read(line) for line in lines if line]

    def read(self, line: str) -> Any:
        """Return what a line means. Raises ValidationError."""
        return line


class PricesField(LinesField):
    """The prices of a server type in a region."""

    def __init__(self, server_type: ServerType, region: Region) -> None:
        """Say of what they are."""
        super().__init__(rows=5, label=f"{server_type.name} in {region.code}")
        self.server_type, self.region = server_type, region

    def read(self, line: str) -> PriceLine:
        """Return the price."""
        found = PRICE.fullmatch(line)
        if found is None:
            raise ValidationError(
                f"{line}: write it such as 2.49, 12 m: 2.10 floor 1.75 or 12 m reserved: 1.99, with at most six "
                "decimals.",
                "unreadable",
            )
        floor = found["floor"]
        commitment = Commitment.RESERVED if found["reserved"] else Commitment.PAY_AS_YOU_GO
        return PriceLine(
            self.server_type,
            self.region,
            Decimal(found["list"]),
            None if floor is None else Decimal(floor),
            int(found["months"] or 0),
            commitment,
        )


class FeesField(LinesField):
    """One-off fees."""

    def __init__(self) -> None:
        """Say how to write them."""
        super().__init__(rows=4, label="One-off fees", help_text=FEES_HELP)

    def read(self, line: str) -> FeeLine:
        """Return the fee."""
        found = FEE.fullmatch(line)
        if found is None:
            raise ValidationError(f"{line}: write it such as 500.00 once: Set-up.", "unreadable")
        return FeeLine(found["name"], Decimal(found["amount"]), BASES[found["per"]])
