"""List and floor of a line, from the price books."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.catalog.selectors import not_sold, tariffs_of
from portal.fleet.models import Region, ServerType

FLOOR_OF_LIST = Decimal("0.8")
"""The least price where the book names none."""


@dataclass(frozen=True)
class Rate:
    """What a GPU-hour costs by the list, and the least that it is sold for."""

    list_rate: Decimal
    floor_rate: Decimal


def rate_of(server_type: ServerType, region: Region, currency: str, months: int, at: datetime) -> Rate:
    """Return the rate for a line of so many whole months. Raises NoPrice."""
    tariff = tariffs_of(server_type, currency, at, region).get(region.pk)
    if tariff is None:
        raise not_sold(server_type, region, currency)
    return Rate(tariff.rate, (tariff.rate * FLOOR_OF_LIST).quantize(Decimal("0.000001")))
