"""Price books while they are drafts: begun, copied, edited, given up."""

from datetime import datetime

from django.db import models, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.models import CancellationTerm, Commitment, Fee, FeeBasis, Price, PriceBook
from portal.catalog.selectors import terms_of
from portal.catalog.services.book_checks import (
    Contents,
    FeeLine,
    PriceLine,
    check_contents,
    check_currency,
    check_name,
    check_validity,
)
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row, wait_for_turn


@transaction.atomic
def draft_price_book(
    *,
    actor: Actor,
    name: str,
    currency: str,
    contents: Contents,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> PriceBook:
    """Begin a book that is to hold from ``valid_from`` (now, if not given) until ``valid_until`` (for ever).

    It sells nothing until it is published, and may overlap others until then. Raises InvalidInput on ``name``,
    ``currency``, ``prices``, ``terms``, ``fees``, ``valid_from`` or ``valid_until``.
    """
    now = clock.now()
    start = valid_from or now
    check_name(name)
    check_currency(currency)
    check_contents(contents, currency)
    check_validity(now, start, valid_until)
    book = _begin(name, currency, DateTimeTZRange(start, valid_until, "[)"))
    _write(book, contents)
    record(actor=actor, verb="price_book.created", target=book.public_id, data=_told(book, contents))
    return book


@transaction.atomic
def copy_price_book(*, actor: Actor, book: PriceBook) -> PriceBook:
    """Begin the next version of a book: a draft with all that is in it, to hold from its end on, or from now on.

    When it is published, it ends the book that it was copied from. Raises StateConflict for a draft.
    """
    now = clock.now()
    fresh = PriceBook.objects.get(pk=book.pk)
    if fresh.state == BookState.DRAFT:
        raise StateConflict(f"{fresh} is a draft: edit it; only what was published is copied to a new version.")
    lower, upper = fresh.valid.lower, fresh.valid.upper
    start = upper if upper is not None and upper > now else max(now, lower)
    contents = contents_of(fresh)
    made = _begin(fresh.name, fresh.currency, DateTimeTZRange(start, None, "[)"), fresh)
    _write(made, contents)
    told = {**_told(made, contents), "copied_from": fresh.public_id}
    record(actor=actor, verb="price_book.copied", target=made.public_id, data=told)
    return made


@transaction.atomic
def edit_price_book(
    *,
    actor: Actor,
    book: PriceBook,
    name: str,
    contents: Contents,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Put other things into a draft, in the place of all that is in it.

    Raises StateConflict for what is no draft any more, and InvalidInput as ``draft_price_book`` does.
    """
    now = clock.now()
    start = valid_from or now
    check_name(name)
    check_contents(contents, book.currency)
    check_validity(now, start, valid_until)
    fresh = lock_row(PriceBook, book.pk)
    if fresh.state != BookState.DRAFT:
        raise StateConflict(f"{fresh} is {fresh.state}: it stays as it is. Copy it to a new version and edit that.")
    before = contents_of(fresh).as_json()
    for rows in (fresh.prices, fresh.cancellation_terms, fresh.fees):
        rows.all().delete()
    fresh.name, fresh.valid = name, DateTimeTZRange(start, valid_until, "[)")
    fresh.save(update_fields=["name", "valid"])
    _write(fresh, contents)
    record(
        actor=actor,
        verb="price_book.edited",
        target=fresh.public_id,
        data={**_told(fresh, contents), "before": before},
    )


@transaction.atomic
def discard_price_book(*, actor: Actor, book: PriceBook, reason: str) -> None:
    """Give a draft up. Raises StateConflict for what is no draft any more."""
    advance(lock_row(PriceBook, book.pk), BookState.DISCARDED, actor=actor, reason=reason)


def contents_of(book: PriceBook) -> Contents:
    """Return what is in a book, prices by server type, region, term and commitment."""
    prices = book.prices.select_related("server_type", "region")
    order = ("server_type__slug", "region__code", "months", "commitment")
    return Contents(
        [
            PriceLine(
                price.server_type,
                price.region,
                price.per_gpu_hour,
                price.floor_per_gpu_hour,
                price.months,
                Commitment(price.commitment),
            )
            for price in prices.order_by(*order)
        ],
        terms_of(book),
        [FeeLine(fee.name, fee.amount, FeeBasis(fee.per)) for fee in book.fees.order_by("pk")],
    )


def _begin(name: str, currency: str, valid: DateTimeTZRange, copied_from: PriceBook | None = None) -> PriceBook:
    """Write a draft with the next number of its currency."""
    wait_for_turn(f"price book versions {currency}")
    last = PriceBook.objects.filter(currency=currency).aggregate(last=models.Max("version"))["last"] or 0
    return PriceBook.objects.create(
        name=name, currency=currency, version=last + 1, valid=valid, copied_from=copied_from, state=BookState.DRAFT
    )


def _write(book: PriceBook, contents: Contents) -> None:
    Price.objects.bulk_create(
        Price(
            book=book,
            server_type=line.server_type,
            region=line.region,
            months=line.months,
            commitment=line.commitment,
            per_gpu_hour=line.per_gpu_hour,
            floor_per_gpu_hour=line.least,
        )
        for line in contents.prices
    )
    CancellationTerm.objects.bulk_create(
        CancellationTerm(book=book, notice=step.notice, percent=step.percent) for step in contents.terms.steps
    )
    Fee.objects.bulk_create(Fee(book=book, name=fee.name, amount=fee.amount, per=fee.per) for fee in contents.fees)


def _told(book: PriceBook, contents: Contents) -> dict[str, object]:
    until = book.valid.upper
    return {
        "name": book.name,
        "currency": book.currency,
        "version": book.version,
        "valid_from": clock.as_rfc3339(book.valid.lower),
        "valid_until": clock.as_rfc3339(until) if until else None,
        **contents.as_json(),
    }
