"""Price books: made, ended, given other terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.services import record, target_of
from portal.catalog.models import CancellationTerm, Price, PriceBook
from portal.catalog.selectors import terms_of
from portal.catalog.terms import FREE, CancellationTerms, notice_words
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, ServerType

BOOK_NAME_LENGTH = 80
MOST_PER_GPU_HOUR = Decimal(100_000)
RATE_PLACES = 6


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
    terms: CancellationTerms = FREE,
) -> PriceBook:
    """Make a book of list prices that holds from ``valid_from`` (now, if not given) until ``valid_until`` (for ever).

    What is reserved already keeps its price. Raises InvalidInput on ``name``, ``currency``, ``prices``, ``terms``,
    ``valid_until`` or ``valid_from``, the last also where another book of the currency holds in that time.
    """
    now = clock.now()
    start = now if valid_from is None else valid_from
    _check_book(name, currency, prices)
    _check_terms(terms)
    _check_validity(now, start, valid_until)
    overlap = f"Another {currency} price book holds in this time: end it first, or choose another start or end."
    with refuse("price_book_no_overlap", InvalidInput.of("valid_from", "overlap", overlap)):
        book = PriceBook.objects.create(name=name, currency=currency, valid=DateTimeTZRange(start, valid_until, "[)"))
    Price.objects.bulk_create(
        Price(book=book, server_type=line.server_type, region=line.region, per_gpu_hour=line.per_gpu_hour)
        for line in prices
    )
    _write_terms(book, terms)
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
            "terms": terms.as_json(),
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


@transaction.atomic
def set_terms(*, actor: Actor, book: PriceBook, terms: CancellationTerms) -> None:
    """Give a book other cancellation terms, from now on. What is reserved already keeps its own.

    Raises InvalidInput on ``terms``, and StateConflict for a book that is over.
    """
    _check_terms(terms)
    fresh = lock_row(PriceBook, book.pk)
    if fresh.valid.upper is not None and fresh.valid.upper <= clock.now():
        raise StateConflict(f"{fresh.name} is over: its terms stay as they were.")
    before = terms_of(fresh)
    if terms == before:
        return
    fresh.cancellation_terms.all().delete()
    _write_terms(fresh, terms)
    record(
        actor=actor,
        verb="price_book.terms_set",
        target=target_of(fresh),
        data={"terms": terms.as_json(), "before": before.as_json()},
    )


def _check_terms(terms: CancellationTerms) -> None:
    for longer, shorter in pairwise(terms.steps):
        if longer.notice == shorter.notice:
            raise InvalidInput.of("terms", "twice", f"Give one percentage for {notice_words(longer.notice)} of notice.")
        if shorter.percent < longer.percent:
            fall = f"{notice_words(shorter.notice)} of notice costs less than {notice_words(longer.notice)}"
            raise InvalidInput.of("terms", "falls", f"{fall}: less notice must not cost less.")


def _write_terms(book: PriceBook, terms: CancellationTerms) -> None:
    CancellationTerm.objects.bulk_create(
        CancellationTerm(book=book, notice=step.notice, percent=step.percent) for step in terms.steps
    )
