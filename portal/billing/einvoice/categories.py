"""Why an invoice has the tax that it has, as far as rate, countries and tax ids tell. Pure.

UNTDID 5305 names the categories, and EN 16931 asks of each what must stand with it (BR-S, BR-AE, BR-O).
"""

from dataclasses import dataclass
from decimal import Decimal

from portal.billing.einvoice.parties import Party

# fmt: off
EU = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
))
# fmt: on


@dataclass(frozen=True)
class Category:
    """A category of tax; without a ``rate`` there is none to name, and none of the parties' VAT numbers may stand."""

    code: str
    rate: Decimal | None
    reason: str = ""
    reason_code: str = ""


REVERSE_CHARGE = Category("AE", Decimal(0), "Reverse charge", "VATEX-EU-AE")
NOT_SUBJECT = Category("O", None, "Not subject to VAT", "VATEX-EU-O")


def category_of(seller: Party, buyer: Party, rate: Decimal) -> Category | None:
    """Return the category of services at ``rate`` percent; None where 0 percent has no reason that is known here.

    Services to a business are taxed where the business is (Directive 2006/112/EC, Article 44): by itself where that is
    another member state (Article 196), by no VAT of the Union where that is outside of it.
    """
    if rate > 0:
        return Category("S", rate)
    if buyer.country == seller.country:
        return None
    if buyer.country not in EU:
        return NOT_SUBJECT
    return REVERSE_CHARGE if buyer.vat_id else None
