"""Two people of the staff who act on one price book at the same time."""

import pytest
from django.db import IntegrityError, transaction

from portal.catalog.models import PriceBook
from portal.catalog.services import books, publishing
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from tests.catalog.books import contents, draft, line, published
from tests.racing import Runner, await_blocked, kinds, race

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_copies_of_one_book_are_published_at_once_and_one_is_refused():
    """Whoever comes second meets the first one's book, not half of its work."""
    first = published()
    copies = [books.copy_price_book(actor=SYSTEM, book=first) for _ in range(2)]

    outcomes = race(2, lambda number: publishing.publish_price_book(actor=SYSTEM, book=copies[number]))

    assert kinds(outcomes) == {type(None): 1, InvalidInput: 1}
    ended, holding = PriceBook.objects.filter(state="published").order_by("valid")
    assert (ended, ended.valid.upper) == (first, holding.valid.lower)
    assert holding.valid.upper is None


def test_copies_made_at_once_have_versions_of_their_own():
    first = published()

    outcomes = race(4, lambda _number: books.copy_price_book(actor=SYSTEM, book=first).version)

    assert sorted(outcomes) == [2, 3, 4, 5]


def test_control_without_its_turn_two_copies_would_have_one_version(monkeypatch):
    first = published()
    monkeypatch.setattr(books, "wait_for_turn", lambda name: None)

    with transaction.atomic():
        books.copy_price_book(actor=SYSTEM, book=first)
        second = Runner(lambda: books.copy_price_book(actor=SYSTEM, book=first))
        await_blocked(1)

    assert isinstance(second.result(), IntegrityError)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "control"])
def test_what_is_published_meanwhile_is_not_edited(monkeypatch, is_guarded):
    """The control reads the state before the other is through: then the database alone refuses."""
    book = draft()
    if not is_guarded:
        monkeypatch.setattr(books, "lock_row", lambda model, pk: model.objects.get(pk=pk))

    with transaction.atomic():
        publishing.publish_price_book(actor=SYSTEM, book=book)
        second = Runner(
            lambda: books.edit_price_book(actor=SYSTEM, book=book, name="x", contents=contents([line("9")]))
        )
        await_blocked(1)

    assert isinstance(second.result(), StateConflict if is_guarded else IntegrityError)
    assert books.contents_of(PriceBook.objects.get()).as_json() == contents().as_json()
