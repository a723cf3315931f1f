"""Price books once they are public: published, ended, withdrawn; what is in them stays as it is."""

from datetime import datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.services import record
from portal.audit.transitions import advance
from portal.catalog.models import PriceBook
from portal.catalog.services.book_checks import check_validity
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, StateConflict
from portal.core.locks import lock_row, lock_rows


@transaction.atomic
def publish_price_book(*, actor: Actor, book: PriceBook, valid_from: datetime | None = None) -> None:
    """Let a draft hold from ``valid_from``, or else from when it was meant to, or from now where that is over.

    The book that it was copied from ends at that instant, if it holds then; what is reserved keeps its price. Raises
    StateConflict for what is no draft, and InvalidInput on ``valid_from`` for a time that is over or in which another
    book of the currency holds, and on ``valid_until`` where the draft was to end before; then nothing has changed.
    """
    now = clock.now()
    rows = lock_rows(PriceBook.objects.filter(pk__in=[book.pk, book.copied_from_id or book.pk]))
    found = {row.pk: row for row in rows}
    fresh, before = found[book.pk], found.get(book.copied_from_id or 0)
    start, end = valid_from or max(now, fresh.valid.lower), fresh.valid.upper
    check_validity(now, start, end)
    if before is not None and before.state == BookState.PUBLISHED and _holds_before(before, start):
        _end(actor, before, start)
    overlap = (
        f"Another {fresh.currency} price book holds in this time: end or withdraw it first, choose another start or "
        "end, or edit a copy of that book, which ends it by itself."
    )
    valid = DateTimeTZRange(start, end, "[)")
    with refuse("price_book_no_overlap", InvalidInput.of("valid_from", "overlap", overlap)):
        data = {"valid_from": clock.as_rfc3339(start), "valid_until": clock.as_rfc3339(end) if end else None}
        advance(fresh, BookState.PUBLISHED, actor=actor, data=data, valid=valid)
    book.state, book.valid = fresh.state, valid


def _holds_before(book: PriceBook, moment: datetime) -> bool:
    """Tell whether a book holds at an instant and has held before it."""
    return book.valid.lower < moment and (book.valid.upper is None or book.valid.upper > moment)


@transaction.atomic
def end_price_book(*, actor: Actor, book: PriceBook, at: datetime | None = None) -> None:
    """Let a book hold only until ``at`` (now, if not given). What is reserved already keeps its price.

    Raises StateConflict for a book that is not public, and InvalidInput on ``at`` unless it lies ahead and inside the
    book's time.
    """
    now = clock.now()
    end = now if at is None else at
    fresh = lock_row(PriceBook, book.pk)
    if fresh.state != BookState.PUBLISHED:
        raise StateConflict(f"{fresh} is {fresh.state}: only what is published can end.")
    lower, upper = fresh.valid.lower, fresh.valid.upper
    if end < now or end <= lower or (upper is not None and end >= upper):
        raise InvalidInput.of("at", "outside", "Choose a time that lies ahead and in which this book holds.")
    _end(actor, fresh, end)
    book.valid = fresh.valid


def _end(actor: Actor, book: PriceBook, end: datetime) -> None:
    upper = book.valid.upper
    book.valid = DateTimeTZRange(book.valid.lower, end, "[)")
    PriceBook.objects.filter(pk=book.pk).update(valid=book.valid)
    record(
        actor=actor,
        verb="price_book.ended",
        target=book.public_id,
        data={"valid_until": clock.as_rfc3339(end), "before": clock.as_rfc3339(upper) if upper else None},
    )


@transaction.atomic
def withdraw_price_book(*, actor: Actor, book: PriceBook, reason: str) -> None:
    """Take a published book back before its time begins. Raises StateConflict once it has begun: then it is ended."""
    fresh = lock_row(PriceBook, book.pk)
    if fresh.state == BookState.PUBLISHED and fresh.valid.lower <= clock.now():
        raise StateConflict(f"{fresh} holds already: end it, or publish a new version.")
    advance(fresh, BookState.WITHDRAWN, actor=actor, reason=reason)
