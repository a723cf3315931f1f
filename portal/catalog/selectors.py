"""Questions about what is sold."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import models

from portal.catalog.models import OSImage, Price
from portal.core.errors import NoPrice, NotFound
from portal.core.money import Money
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType


@dataclass(frozen=True)
class PriceQuote:
    """The price of servers for a period, with its arithmetic: servers x GPUs x hours x rate."""

    count: int
    gpus: int
    hours: Decimal
    rate: Decimal
    total: Money

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.total.currency


def images() -> models.QuerySet[OSImage]:
    """Return the published OS images by name."""
    return OSImage.objects.filter(is_published=True).order_by("name", "pk")


def image_of(public_id_or_slug: str) -> OSImage:
    """Return a published image by public id or slug. Raises NotFound."""
    image = images().filter(models.Q(public_id=public_id_or_slug) | models.Q(slug=public_id_or_slug)).first()
    if image is None:
        raise NotFound(f"There is no OS image {public_id_or_slug!r}.")
    return image


def list_price(server_type: ServerType, region: Region, currency: str, at: datetime) -> Price:
    """Return the list price that holds at an instant. Raises NoPrice."""
    price = (
        Price.objects.select_related("book")
        .filter(server_type=server_type, region=region, book__currency=currency, book__valid__contains=at)
        .first()
    )
    if price is None:
        raise NoPrice(f"{server_type.name} has no price in {region.code} in {currency}; choose another region or type.")
    return price


def list_prices(currency: str, at: datetime) -> models.QuerySet[Price]:
    """Return every list price in ``currency`` that holds at an instant, by server type and region."""
    return (
        Price.objects.select_related("book", "server_type", "region")
        .filter(book__currency=currency, book__valid__contains=at)
        .order_by("server_type__slug", "region__code")
    )


def quote_price(
    server_type: ServerType, region: Region, currency: str, count: int, period: Period, at: datetime
) -> PriceQuote:
    """Price ``count`` servers for ``period`` by the book that holds at ``at``, rounded once. Raises NoPrice."""
    price = list_price(server_type, region, currency, at)
    gpus = count * server_type.gpu_count
    total = Money(period.at_rate(price.per_gpu_hour * gpus), currency)
    return PriceQuote(count, gpus, period.hours, price.per_gpu_hour, total)
