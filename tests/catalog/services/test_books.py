"""Price books while they are drafts: begun, copied, edited, given up."""

from decimal import Decimal

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.catalog.models import Commitment, FeeBasis, PriceBook
from portal.catalog.services.book_checks import (
    BOOK_NAME_LENGTH,
    MOST_FEE,
    MOST_PER_GPU_HOUR,
    Contents,
    FeeLine,
)
from portal.catalog.services.books import contents_of, copy_price_book, discard_price_book, edit_price_book
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from tests import factories
from tests.catalog.books import DAY, NOW, TICK, contents, draft, line, published, terms, written

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


USUAL = terms((168, 0), (24, 25))
USUAL_JSON = [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}]
SETUP = FeeLine("Set-up", Decimal("500.00"), FeeBasis.ONCE)


def refused(act, field, code):
    """Expect a refusal on that field, and that nothing is written."""
    before = written()
    with pytest.raises(InvalidInput) as refusal:
        act()
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
    assert written() == before


def test_a_draft_is_to_begin_now_and_hold_for_ever_unless_told_otherwise():
    south = factories.region("south")
    year = line("2", months=12, commitment=Commitment.RESERVED, floor=Decimal("1.5"))

    book = draft(prices=[line("2.5"), line("3", region=south), year], fees=[SETUP])

    book.refresh_from_db()
    assert (book.state, book.version, book.valid.lower, book.valid.upper) == ("draft", 1, NOW, None)
    held = book.prices.order_by("months", "region__code").values_list("months", "per_gpu_hour", "floor_per_gpu_hour")
    assert list(held) == [(0, Decimal("2.5"), Decimal("2.5")), (0, 3, 3), (12, 2, Decimal("1.5"))]
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("price_book.created", book.public_id)
    assert event.data == {
        "name": "List",
        "currency": "USD",
        "version": 1,
        "valid_from": "2030-01-01T00:00:00Z",
        "valid_until": None,
        "prices": {
            "h100x8 eu-north-1": "2.5",
            "h100x8 south": "3",
            "h100x8 eu-north-1 12 m reserved": "2 floor 1.5",
        },
        "terms": [],
        "fees": {"Set-up": "500.00 once"},
    }


REFUSED = {
    "no name": ({"name": " "}, "name", "invalid_name"),
    "long name": ({"name": "x" * (BOOK_NAME_LENGTH + 1)}, "name", "invalid_name"),
    "unprintable name": ({"name": "a\x00b"}, "name", "invalid_name"),
    "unknown currency": ({"currency": "XXX"}, "currency", "unknown"),
    "no prices": ({"prices": []}, "prices", "none"),
    "already begun": ({"valid_from": NOW - TICK}, "valid_from", "past"),
    "reversed": ({"valid_from": NOW + DAY, "valid_until": NOW + DAY}, "valid_until", "reversed"),
}


@pytest.mark.parametrize("kwargs, field, code", REFUSED.values(), ids=REFUSED)
def test_a_book_that_makes_no_sense_is_refused_on_its_field(kwargs, field, code):
    refused(lambda: draft(**kwargs), field, code)


WRONG_LINES = {
    **{
        rate: ({"rate": rate}, "out_of_range")
        for rate in ("-0.000001", "0.0000001", str(MOST_PER_GPU_HOUR), "NaN", "Infinity", "-Infinity")
    },
    "floor above list": ({"floor": Decimal("2.500001")}, "floor_above_list"),
    "floor below nothing": ({"floor": Decimal(-1)}, "out_of_range"),
    "floor not a number": ({"floor": Decimal("NaN")}, "out_of_range"),
    "floor too exact": ({"floor": Decimal("0.0000001")}, "out_of_range"),
    "negative term": ({"months": -1}, "term"),
    "endless term": ({"months": 121}, "term"),
    "bound on demand": ({"commitment": Commitment.RESERVED}, "commitment"),
}


@pytest.mark.parametrize("kwargs, code", WRONG_LINES.values(), ids=WRONG_LINES)
def test_a_price_out_of_range_is_refused(kwargs, code):
    refused(lambda: draft(prices=[line(**kwargs)]), "prices", code)


@pytest.mark.parametrize("rate", ["0", "0.000001", "99999.999999", "2.500000"])
def test_a_price_at_the_ends_of_the_range_is_kept_as_it_is(rate):
    assert draft(prices=[line(rate)]).prices.get().per_gpu_hour == Decimal(rate)


def test_a_price_given_twice_is_refused_and_another_term_is_another_price():
    refused(lambda: draft(prices=[line("1"), line("2")]), "prices", "twice")

    assert draft(prices=[line("1"), line("2", months=1)]).prices.count() == 2


WRONG_FEES = {
    "no name": ([FeeLine(" ", Decimal(1), FeeBasis.ONCE)], "USD", "invalid_name"),
    "twice": ([SETUP, SETUP], "USD", "twice"),
    "negative": ([FeeLine("x", Decimal("-0.01"), FeeBasis.ONCE)], "USD", "out_of_range"),
    "too exact": ([FeeLine("x", Decimal("0.001"), FeeBasis.ONCE)], "USD", "out_of_range"),
    "too exact for yen": ([FeeLine("x", Decimal("0.5"), FeeBasis.ONCE)], "JPY", "out_of_range"),
    "too much": ([FeeLine("x", MOST_FEE, FeeBasis.ONCE)], "USD", "out_of_range"),
    "no number": ([FeeLine("x", Decimal("NaN"), FeeBasis.ONCE)], "USD", "out_of_range"),
}


@pytest.mark.parametrize("fees, currency, code", WRONG_FEES.values(), ids=WRONG_FEES)
def test_a_fee_that_makes_no_sense_is_refused(fees, currency, code):
    refused(lambda: draft(fees=fees, currency=currency), "fees", code)


WRONG_TERMS = {
    "cheaper late": (terms((168, 25), (24, 0)), "falls"),
    "a hair cheaper late": (terms((168, 0), (48, "50.01"), (24, 50)), "falls"),
    "one notice twice": (terms((24, 25), (24, 50)), "twice"),
}


@pytest.mark.parametrize("given, code", WRONG_TERMS.values(), ids=WRONG_TERMS)
def test_terms_that_make_no_sense_are_refused(given, code):
    refused(lambda: draft(terms=given), "terms", code)


def test_drafts_count_the_versions_of_their_currency():
    made = [draft(), draft(currency="EUR"), draft(), draft(currency="EUR")]

    assert [(book.currency, book.version) for book in made] == [("USD", 1), ("EUR", 1), ("USD", 2), ("EUR", 2)]


def test_a_draft_is_edited_whole_and_the_record_tells_what_was_before():
    book = draft(terms=USUAL, fees=[SETUP])
    new = contents([line("9", months=6)], terms((24, 50)))

    span = {"valid_from": NOW + DAY, "valid_until": NOW + 2 * DAY}
    edit_price_book(actor=SYSTEM, book=book, name="Other", contents=new, **span)

    held = PriceBook.objects.get()
    assert (held.name, held.valid.lower, held.valid.upper) == ("Other", NOW + DAY, NOW + 2 * DAY)
    assert contents_of(held).as_json() == new.as_json()
    event = AuditEvent.objects.get(verb="price_book.edited")
    assert event.data["before"] == {
        "prices": {"h100x8 eu-north-1": "2.5"},
        "terms": USUAL_JSON,
        "fees": {"Set-up": "500.00 once"},
    }


def test_a_wrong_edit_changes_nothing():
    book = draft()
    wrong = [
        ({"name": ""}, "name", "invalid_name"),
        ({"contents": contents([])}, "prices", "none"),
        ({"contents": Contents([line()], terms((24, 25), (24, 50)))}, "terms", "twice"),
        ({"valid_from": NOW - TICK}, "valid_from", "past"),
        ({"valid_until": NOW}, "valid_until", "reversed"),
    ]

    for change, field, code in wrong:
        fields = {"name": "x", "contents": contents(), **change}
        refused(lambda fields=fields: edit_price_book(actor=SYSTEM, book=book, **fields), field, code)


def test_what_was_published_is_not_edited_and_the_refusal_names_the_way_out():
    book = published()
    before = written()

    with pytest.raises(StateConflict, match=r"List v1 is published: .* Copy it to a new version"):
        edit_price_book(actor=SYSTEM, book=book, name="x", contents=contents([line("9")]))

    assert written() == before


def test_a_copy_is_a_draft_with_all_that_is_in_the_book():
    year = line("2", months=12, commitment=Commitment.RESERVED, floor=Decimal("1.5"))
    book = published(prices=[line(), year], terms=USUAL, fees=[SETUP])

    made = copy_price_book(actor=SYSTEM, book=book)

    assert (made.state, made.version, made.copied_from, made.valid.lower) == ("draft", 2, book, NOW)
    assert contents_of(made) == contents_of(book)
    assert {fee.public_id for fee in made.fees.all()} & {fee.public_id for fee in book.fees.all()} == set()
    event = AuditEvent.objects.get(verb="price_book.copied")
    assert (event.target, event.data["copied_from"]) == (made.public_id, book.public_id)


def test_a_copy_of_what_has_an_end_is_to_begin_there():
    ahead, over = published(valid_until=NOW + 3 * DAY), published(currency="EUR", valid_until=NOW + DAY)

    with time_machine.travel(NOW + 2 * DAY, tick=False):
        begins = [copy_price_book(actor=SYSTEM, book=book).valid.lower for book in (ahead, over)]

    assert begins == [NOW + 3 * DAY, NOW + 2 * DAY]


def test_a_draft_is_not_copied():
    book = draft()
    before = written()

    with pytest.raises(StateConflict, match="is a draft: edit it"):
        copy_price_book(actor=SYSTEM, book=book)

    assert written() == before


def test_a_draft_is_given_up_for_good():
    book = draft()

    discard_price_book(actor=SYSTEM, book=book, reason="wrong currency")

    assert PriceBook.objects.get().state == "discarded"
    for act in (
        lambda: edit_price_book(actor=SYSTEM, book=book, name="x", contents=contents()),
        lambda: discard_price_book(actor=SYSTEM, book=book, reason="again"),
    ):
        with pytest.raises(StateConflict):
            act()
