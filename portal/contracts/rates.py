"""List and floor of a line, from the price book of now."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.catalog.rates import contract_price
from portal.fleet.models import Region, ServerType


@dataclass(frozen=True)
class Rate:
    """What a GPU-hour costs by the list, and the least that it is sold for."""

    list_rate: Decimal
    floor_rate: Decimal


def rate_of(server_type: ServerType, region: Region, currency: str, months: int, at: datetime) -> Rate:
    """Return the rate for so many whole months, or for the longest shorter term that is sold. Raises NoPrice."""
    found = contract_price(server_type, region, currency, months, at)
    return Rate(found.list_rate, found.floor_rate)
