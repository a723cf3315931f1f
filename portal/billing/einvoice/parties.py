"""Who bills and who is billed, read from the copies that an invoice keeps. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from portal.billing.einvoice.codes import countries
from portal.core.errors import FieldError

ADDRESS_LINES = 3
"""An address has no more lines than that, beside its town, which is not told apart here."""
OF_GREECE = {"GR": "EL"}
"""Where the VAT numbers of a country do not begin with its code (Directive 2006/112/EC, Article 215)."""


@dataclass(frozen=True)
class Party:
    """A seller or a buyer."""

    name: str
    lines: tuple[str, ...]
    country: str
    tax_id: str

    @classmethod
    def of(cls, copy: Mapping[str, Any]) -> Self:
        """Read the copy on an invoice; what it lacks stays empty."""
        lines = [line.strip() for line in str(copy.get("address", "")).splitlines() if line.strip()]
        last = ADDRESS_LINES - 1
        kept = (*lines[:last], ", ".join(lines[last:]))
        return cls(
            name=str(copy.get("name", "")).strip(),
            lines=tuple(line for line in kept if line),
            country=str(copy.get("country", "")).strip().upper(),
            tax_id=str(copy.get("tax_id", "")).strip(),
        )

    @property
    def vat_id(self) -> str:
        """The tax id, where it is a VAT number of the party's country, without blanks; otherwise nothing."""
        number = "".join(self.tax_id.split()).upper()
        prefix = OF_GREECE.get(self.country, self.country)
        return number if prefix and number.startswith(prefix) and number != prefix else ""

    def lacks(self, who: str, *, needs_tax_id: bool) -> list[FieldError]:
        """Return what no document can do without (BR-06 to BR-11, BR-CO-26) and is not known of ``who``."""
        found = []
        if not self.name:
            found.append(FieldError(f"{who}.name", "required", f"The name of the {who} is missing."))
        if self.country not in countries():
            words = f"The country of the {who} is missing, or is no code of ISO 3166."
            found.append(FieldError(f"{who}.country", "required", words))
        if needs_tax_id and not self.tax_id:
            found.append(FieldError(f"{who}.tax_id", "required", f"The tax id of the {who} is missing."))
        return found
