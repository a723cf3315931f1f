"""A list of prices with something of everything."""

from decimal import Decimal

from portal.catalog.models import Commitment, FeeBasis
from portal.catalog.services.book_checks import Contents, FeeLine, PriceLine
from portal.catalog.services.books import draft_price_book
from portal.catalog.services.publishing import publish_price_book
from portal.core.actors import SYSTEM
from tests import factories, thawing
from tests.catalog.tiers import sla_tier, support_tier

FEES = (FeeLine("Set-up", Decimal("500.00"), FeeBasis.ONCE), FeeLine("Own image", Decimal("40.00"), FeeBasis.SERVER))


def full_list(currency="EUR", floor="1.11"):
    """Publish a book with two types in two regions, terms and fees, and tiers; return it."""
    north, south = factories.region(), factories.region("south")
    h100 = factories.server_type()
    b200 = factories.server_type("b200x8", name="8 x B200")
    least = Decimal(floor)
    lines = [
        PriceLine(h100, north, Decimal("2.49"), least),
        PriceLine(h100, south, Decimal("2.59"), least),
        PriceLine(h100, north, Decimal("2.10"), least, 12),
        PriceLine(h100, north, Decimal("1.99"), least, 12, Commitment.RESERVED),
        PriceLine(b200, south, Decimal("4.995"), least, 36, Commitment.RESERVED),
    ]
    terms = thawing.notices((168, 0), (24, 25))
    book = draft_price_book(actor=SYSTEM, name="List", currency=currency, contents=Contents(lines, terms, FEES))
    publish_price_book(actor=SYSTEM, book=book)
    sla_tier("flex", name="Flex", is_default=True, late_credit_percent=Decimal(100), may_defer_days=30)
    support_tier(is_default=True)
    support_tier("business", name="Business", percent_of_spend=Decimal(3), summary="Also by phone")
    return book
