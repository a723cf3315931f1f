"""What contracts are priced by: the rate for a term."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.catalog.models import Commitment, Price, PriceBook
from portal.catalog.selectors import not_sold
from portal.catalog.states import BookState
from portal.fleet.models import Region, ServerType


@dataclass(frozen=True)
class ContractPrice:
    """List and floor for one GPU and one hour, in the book's currency, and the term that they are for.

    ``months`` may be less than what was asked for: the longest term that is sold and not longer; 0 is on demand.
    """

    book: PriceBook
    list_rate: Decimal
    floor_rate: Decimal
    months: int
    commitment: Commitment


def contract_price(
    server_type: ServerType,
    region: Region,
    currency: str,
    months: int,
    at: datetime,
    commitment: Commitment = Commitment.RESERVED,
) -> ContractPrice:
    """Return what a server type costs in a region for a term, by the book that holds at an instant. One statement.

    Who commits to a minimum spend may have either kind of price, the lower one of the same term; who pays as it goes
    only that kind. Raises NoPrice where neither the term, nor a shorter one, nor on demand is sold.
    """
    sold = Price.objects.select_related("book").filter(
        server_type=server_type,
        region=region,
        months__lte=months,
        book__currency=currency,
        book__valid__contains=at,
        book__state=BookState.PUBLISHED,
    )
    if commitment == Commitment.PAY_AS_YOU_GO:
        sold = sold.filter(commitment=commitment)
    price = sold.order_by("-months", "per_gpu_hour", "floor_per_gpu_hour", "commitment").first()
    if price is None:
        raise not_sold(server_type, region, currency)
    return ContractPrice(
        price.book, price.per_gpu_hour, price.floor_per_gpu_hour, price.months, Commitment(price.commitment)
    )
