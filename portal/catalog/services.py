"""Changes to what is sold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.services import record, target_of
from portal.catalog.models import OSImage, Price, PriceBook
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput
from portal.core.locks import lock_row
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType

BOOK_NAME_LENGTH = 80
MOST_PER_GPU_HOUR = Decimal(100_000)
RATE_PLACES = 6


@transaction.atomic
def publish_image(*, actor: Actor, image: OSImage, published: bool) -> None:
    """Offer an image to tenants, or withdraw it. Reservations that already chose it keep it."""
    if OSImage.objects.filter(pk=image.pk).exclude(is_published=published).update(is_published=published):
        record(actor=actor, verb="image.published" if published else "image.withdrawn", target=image.public_id)
    image.is_published = published


@dataclass(frozen=True)
class PriceLine:
    """What one GPU of a server type is to cost for one hour in a region."""

    server_type: ServerType
    region: Region
    per_gpu_hour: Decimal


@transaction.atomic
def create_price_book(
    *,
    actor: Actor,
    name: str,
    currency: str,
    prices: Sequence[PriceLine],
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> PriceBook:
    """Make a book of list prices that holds from ``valid_from`` (now, if not given) until ``valid_until`` (for ever).

    What is reserved already keeps its price. Raises InvalidInput on ``name``, ``currency``, ``prices``,
    ``valid_until`` or ``valid_from``, the last also where another book of the currency holds in that time.
    """
    now = clock.now()
    start = now if valid_from is None else valid_from
    _check_book(name, currency, prices)
    _check_validity(now, start, valid_until)
    overlap = f"Another {currency} price book holds in this time: end it first, or choose another start or end."
    with refuse("price_book_no_overlap", InvalidInput.of("valid_from", "overlap", overlap)):
        book = PriceBook.objects.create(name=name, currency=currency, valid=DateTimeTZRange(start, valid_until, "[)"))
    Price.objects.bulk_create(
        Price(book=book, server_type=line.server_type, region=line.region, per_gpu_hour=line.per_gpu_hour)
        for line in prices
    )
    record(
        actor=actor,
        verb="price_book.created",
        target=target_of(book),
        data={
            "name": name,
            "currency": currency,
            "valid_from": clock.as_rfc3339(start),
            "valid_until": clock.as_rfc3339(valid_until) if valid_until else None,
            "prices": {f"{line.server_type.slug} {line.region.code}": str(line.per_gpu_hour) for line in prices},
        },
    )
    return book


def _check_book(name: str, currency: str, prices: Sequence[PriceLine]) -> None:
    if not name.strip() or len(name) > BOOK_NAME_LENGTH or not name.isprintable():
        raise InvalidInput.of("name", "invalid_name", f"Give a name of 1 to {BOOK_NAME_LENGTH} printable characters.")
    if currency not in MINOR_UNITS:
        raise InvalidInput.of("currency", "unknown", f"Choose one of {', '.join(sorted(MINOR_UNITS))}.")
    if not prices:
        raise InvalidInput.of("prices", "none", "Give at least one price: a server type without one is not sold.")
    if len({(line.server_type.pk, line.region.pk) for line in prices}) < len(prices):
        raise InvalidInput.of("prices", "twice", "Give one price for a server type in a region.")
    for line in prices:
        if not _is_rate(line.per_gpu_hour):
            limit = f"from 0 to below {MOST_PER_GPU_HOUR}, with at most {RATE_PLACES} decimals"
            where = f"{line.server_type.name} in {line.region.code}"
            raise InvalidInput.of("prices", "out_of_range", f"{where}: give a price {limit}.")


def _is_rate(amount: Decimal) -> bool:
    """Tell whether the column keeps this price as it is."""
    return amount.is_finite() and 0 <= amount < MOST_PER_GPU_HOUR and amount == round(amount, RATE_PLACES)


def _check_validity(now: datetime, start: datetime, end: datetime | None) -> None:
    if start < now:
        raise InvalidInput.of("valid_from", "past", "This time is over; leave it empty to begin now.")
    if end is not None and end <= start:
        raise InvalidInput.of("valid_until", "reversed", "A book must end after it begins.")


@transaction.atomic
def end_price_book(*, actor: Actor, book: PriceBook, at: datetime | None = None) -> None:
    """Let a book hold only until ``at`` (now, if not given). What is reserved already keeps its price.

    Raises InvalidInput on ``at`` unless it lies ahead and inside the book's time.
    """
    now = clock.now()
    end = now if at is None else at
    fresh = lock_row(PriceBook, book.pk)
    lower, upper = fresh.valid.lower, fresh.valid.upper
    if end < now or end <= lower or (upper is not None and end >= upper):
        raise InvalidInput.of("at", "outside", "Choose a time that lies ahead and in which this book holds.")
    valid = DateTimeTZRange(lower, end, "[)")
    PriceBook.objects.filter(pk=fresh.pk).update(valid=valid)
    book.valid = valid
    record(
        actor=actor,
        verb="price_book.ended",
        target=target_of(book),
        data={"valid_until": clock.as_rfc3339(end), "before": clock.as_rfc3339(upper) if upper else None},
    )
