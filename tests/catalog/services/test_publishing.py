"""Price books once they are public: published, ended, withdrawn."""

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.catalog.models import PriceBook
from portal.catalog.services.books import copy_price_book
from portal.catalog.services.publishing import end_price_book, publish_price_book, withdraw_price_book
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from tests.catalog.books import DAY, NOW, TICK, draft, published, written

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def publish(book, **kwargs):
    publish_price_book(actor=SYSTEM, book=book, **kwargs)


def refused(act, field, code):
    """Expect a refusal on that field, and that nothing is written."""
    before = written()
    with pytest.raises(InvalidInput) as refusal:
        act()
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
    assert written() == before


def spans():
    """Return the books that are public as version, start and end in days from now."""
    books = PriceBook.objects.filter(state="published", currency="USD").order_by("valid")
    rows = books.values_list("version", "valid")
    return [(version, (valid.lower - NOW) / DAY, valid.upper and (valid.upper - NOW) / DAY) for version, valid in rows]


def test_a_draft_is_published_as_planned_and_recorded():
    book = draft(valid_from=NOW + DAY, valid_until=NOW + 2 * DAY)

    publish(book)

    assert (book.state, spans()) == ("published", [(1, 1, 2)])
    event = AuditEvent.objects.get(verb="price_book.state_changed")
    assert event.data == {
        "from": "draft",
        "to": "published",
        "reason": "",
        "valid_from": "2030-01-02T00:00:00Z",
        "valid_until": "2030-01-03T00:00:00Z",
    }


def test_a_draft_whose_plan_is_over_begins_now_and_one_that_was_to_end_is_refused():
    late, too_late = draft(), draft(currency="EUR", valid_until=NOW + DAY)

    with time_machine.travel(NOW + 2 * DAY, tick=False):
        publish(late)
        refused(lambda: publish(too_late), "valid_until", "reversed")

    assert spans() == [(1, 2, None)]


def test_nothing_is_published_into_the_past_or_twice():
    book = draft()

    refused(lambda: publish(book, valid_from=NOW - TICK), "valid_from", "past")
    publish(book)
    with pytest.raises(StateConflict):
        publish(book)

    assert spans() == [(1, 0, None)]


def test_a_book_beside_another_of_its_currency_is_refused_and_one_behind_it_is_not():
    published(valid_until=NOW + DAY)
    beside, behind = draft(), draft(valid_from=NOW + DAY)

    refused(lambda: publish(beside, valid_from=NOW + DAY - TICK), "valid_from", "overlap")
    publish(behind)
    published(currency="EUR")

    assert spans() == [(1, 0, 1), (3, 1, None)]


def test_a_new_version_ends_the_one_that_it_was_copied_from():
    first = published()
    second = copy_price_book(actor=SYSTEM, book=first)

    publish(second, valid_from=NOW + DAY)

    assert spans() == [(1, 0, 1), (2, 1, None)]
    event = AuditEvent.objects.get(verb="price_book.ended")
    assert (event.target, event.data) == (first.public_id, {"valid_until": "2030-01-02T00:00:00Z", "before": None})


def test_a_new_version_that_is_refused_leaves_the_old_one_as_it_was():
    first = published(valid_until=NOW + 5 * DAY)
    published(valid_from=NOW + 5 * DAY)
    second = copy_price_book(actor=SYSTEM, book=first)

    refused(lambda: publish(second, valid_from=NOW + DAY), "valid_from", "overlap")

    assert spans() == [(1, 0, 5), (2, 5, None)]


def test_of_two_copies_of_one_book_only_one_takes_its_place():
    first = published()
    copies = [copy_price_book(actor=SYSTEM, book=first) for _ in range(2)]

    publish(copies[1], valid_from=NOW + 2 * DAY)
    for moment in (NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY):
        refused(lambda moment=moment: publish(copies[0], valid_from=moment), "valid_from", "overlap")

    assert spans() == [(1, 0, 2), (3, 2, None)]


def test_a_book_is_ended_now_or_at_an_instant_and_recorded():
    book = published(valid_from=NOW + DAY)

    end_price_book(actor=SYSTEM, book=book, at=NOW + 3 * DAY)
    end_price_book(actor=SYSTEM, book=book, at=NOW + 2 * DAY)

    assert (PriceBook.objects.get().valid, spans()) == (book.valid, [(1, 1, 2)])
    assert [event.data for event in AuditEvent.objects.filter(verb="price_book.ended").order_by("pk")] == [
        {"valid_until": "2030-01-04T00:00:00Z", "before": None},
        {"valid_until": "2030-01-03T00:00:00Z", "before": "2030-01-04T00:00:00Z"},
    ]


def test_a_book_that_holds_can_be_ended_now():
    book = published()

    with time_machine.travel(NOW + DAY, tick=False):
        end_price_book(actor=SYSTEM, book=book)
        published()

    assert spans() == [(1, 0, 1), (2, 1, None)]


@pytest.mark.parametrize("at", [NOW - TICK, NOW + DAY, NOW + 3 * DAY, NOW + 4 * DAY])
def test_a_book_cannot_be_ended_outside_its_time_or_in_the_past(at):
    book = published(valid_from=NOW + DAY, valid_until=NOW + 3 * DAY)

    refused(lambda: end_price_book(actor=SYSTEM, book=book, at=at), "at", "outside")


def test_a_draft_is_not_ended():
    book = draft()

    with pytest.raises(StateConflict, match="only what is published can end"):
        end_price_book(actor=SYSTEM, book=book)

    assert PriceBook.objects.get().valid.upper is None


def test_what_has_not_begun_is_withdrawn_and_makes_room():
    book = published(valid_from=NOW + DAY)

    withdraw_price_book(actor=SYSTEM, book=book, reason="a wrong price")
    again = copy_price_book(actor=SYSTEM, book=book)
    publish(again)

    assert PriceBook.objects.get(pk=book.pk).state == "withdrawn"
    assert spans() == [(2, 1, None)]


def test_what_has_begun_is_not_withdrawn():
    book = published()
    before = written()

    with pytest.raises(StateConflict, match="holds already: end it, or publish a new version"):
        withdraw_price_book(actor=SYSTEM, book=book, reason="x")

    assert written() == before
