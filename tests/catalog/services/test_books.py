"""Price books: made, ended, given other terms."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.catalog.models import CancellationTerm, Price, PriceBook
from portal.catalog.selectors import terms_of
from portal.catalog.services.books import (
    BOOK_NAME_LENGTH,
    MOST_PER_GPU_HOUR,
    PriceLine,
    create_price_book,
    end_price_book,
    set_terms,
)
from portal.catalog.terms import FREE, CancellationTerms
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from tests import factories

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def line(rate="2.5", kind=None, region=None):
    return PriceLine(kind or factories.server_type(), region or factories.region(), Decimal(rate))


def terms(*pairs):
    """Return terms from pairs of hours and percent."""
    return CancellationTerms.of_pairs((timedelta(hours=hours), Decimal(percent)) for hours, percent in pairs)


USUAL = terms((168, 0), (24, 25))
USUAL_JSON = [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}]


def make(**kwargs):
    return create_price_book(actor=SYSTEM, **{"name": "List", "currency": "USD", "prices": [line()], **kwargs})


def written():
    """Return all that is written about prices."""
    kept = [list(model.objects.order_by("pk").values()) for model in (PriceBook, Price, CancellationTerm)]
    return [*kept, AuditEvent.objects.count()]


def refused(act, field, code):
    """Expect a refusal on that field, and that nothing is written."""
    before = written()
    with pytest.raises(InvalidInput) as refusal:
        act()
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
    assert written() == before


def test_a_book_begins_now_and_for_ever_unless_told_otherwise():
    south = factories.region("south")

    book = make(prices=[line("2.5"), line("3", region=south)])

    book.refresh_from_db()
    assert (book.valid.lower, book.valid.upper, book.valid.bounds) == (NOW, None, "[)")
    assert {price.region.code: price.per_gpu_hour for price in book.prices.all()} == {
        "eu-north-1": Decimal("2.5"),
        "south": Decimal(3),
    }
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("price_book.created", f"catalog.pricebook:{book.pk}")
    assert event.data == {
        "name": "List",
        "currency": "USD",
        "valid_from": "2030-01-01T00:00:00Z",
        "valid_until": None,
        "prices": {"h100x8 eu-north-1": "2.5", "h100x8 south": "3"},
        "terms": [],
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
    refused(lambda: make(**kwargs), field, code)


@pytest.mark.parametrize("rate", ["-0.000001", "0.0000001", str(MOST_PER_GPU_HOUR), "NaN", "Infinity", "-Infinity"])
def test_a_price_out_of_range_is_refused(rate):
    refused(lambda: make(prices=[line(rate)]), "prices", "out_of_range")


@pytest.mark.parametrize("rate", ["0", "0.000001", "99999.999999", "2.500000"])
def test_a_price_at_the_ends_of_the_range_is_kept_as_it_is(rate):
    assert make(prices=[line(rate)]).prices.get().per_gpu_hour == Decimal(rate)


def test_a_price_given_twice_is_refused():
    refused(lambda: make(prices=[line("1"), line("2")]), "prices", "twice")


def test_a_book_beside_another_of_its_currency_is_refused_and_one_behind_it_is_not():
    first = make(valid_until=NOW + DAY)

    refused(lambda: make(valid_from=NOW + DAY - TICK), "valid_from", "overlap")
    second = make(valid_from=NOW + DAY)
    third = make(currency="EUR")

    assert set(PriceBook.objects.all()) == {first, second, third}


def test_a_book_is_ended_now_or_at_an_instant_and_recorded():
    book = make(valid_from=NOW + DAY)

    end_price_book(actor=SYSTEM, book=book, at=NOW + 3 * DAY)
    end_price_book(actor=SYSTEM, book=book, at=NOW + 2 * DAY)

    assert PriceBook.objects.get().valid == book.valid
    assert (book.valid.lower, book.valid.upper, book.valid.bounds) == (NOW + DAY, NOW + 2 * DAY, "[)")
    assert [event.data for event in AuditEvent.objects.filter(verb="price_book.ended").order_by("pk")] == [
        {"valid_until": "2030-01-04T00:00:00Z", "before": None},
        {"valid_until": "2030-01-03T00:00:00Z", "before": "2030-01-04T00:00:00Z"},
    ]


def test_a_book_that_holds_can_be_ended_now():
    book = make()
    with time_machine.travel(NOW + DAY, tick=False):
        end_price_book(actor=SYSTEM, book=book)
        successor = make()

    assert (book.valid.upper, successor.valid.lower) == (NOW + DAY, NOW + DAY)


@pytest.mark.parametrize("at", [NOW - TICK, NOW + DAY, NOW + 3 * DAY, NOW + 4 * DAY])
def test_a_book_cannot_be_ended_outside_its_time_or_in_the_past(at):
    book = make(valid_from=NOW + DAY, valid_until=NOW + 3 * DAY)

    refused(lambda: end_price_book(actor=SYSTEM, book=book, at=at), "at", "outside")


def test_a_book_can_be_made_with_terms_and_has_none_otherwise():
    usd, eur = make(terms=USUAL), make(currency="EUR")

    assert (terms_of(usd), terms_of(eur)) == (USUAL, FREE)
    assert [event.data["terms"] for event in AuditEvent.objects.order_by("pk")] == [USUAL_JSON, []]


def test_terms_are_set_changed_and_taken_away_and_recorded():
    book, other = make(), make(currency="EUR", terms=USUAL)
    half = terms((24, 50))

    for given in (USUAL, half, FREE):
        set_terms(actor=SYSTEM, book=book, terms=given)
        assert terms_of(PriceBook.objects.get(pk=book.pk)) == given

    assert terms_of(other) == USUAL
    events = AuditEvent.objects.filter(verb="price_book.terms_set").order_by("pk")
    half_json = [{"notice_hours": 24, "percent": "50"}]
    assert {event.target for event in events} == {f"catalog.pricebook:{book.pk}"}
    assert [event.data for event in events] == [
        {"terms": USUAL_JSON, "before": []},
        {"terms": half_json, "before": USUAL_JSON},
        {"terms": [], "before": half_json},
    ]


def test_the_same_terms_again_change_nothing():
    book = make(terms=USUAL)
    before = written()

    set_terms(actor=SYSTEM, book=book, terms=terms((24, "25.00"), (168, 0)))

    assert written() == before


WRONG_TERMS = {
    "cheaper late": (terms((168, 25), (24, 0)), "falls"),
    "a hair cheaper late": (terms((168, 0), (48, "50.01"), (24, 50)), "falls"),
    "one notice twice": (terms((24, 25), (24, 50)), "twice"),
    "one step twice": (terms((24, 25), (24, 25)), "twice"),
}


@pytest.mark.parametrize("given, code", WRONG_TERMS.values(), ids=WRONG_TERMS)
def test_terms_that_make_no_sense_are_refused(given, code):
    book = make(terms=USUAL)

    refused(lambda: set_terms(actor=SYSTEM, book=book, terms=given), "terms", code)
    refused(lambda: make(currency="EUR", terms=given), "terms", code)


def test_terms_may_stay_level():
    level = terms((168, 25), (24, 25))

    assert terms_of(make(terms=level)) == level


def test_the_terms_of_a_book_that_is_over_stay():
    book = make(terms=USUAL, valid_until=NOW + DAY)
    before = written()

    with time_machine.travel(NOW + DAY, tick=False), pytest.raises(StateConflict, match="List is over"):
        set_terms(actor=SYSTEM, book=book, terms=FREE)
    assert written() == before
    with time_machine.travel(NOW + DAY - TICK, tick=False):
        set_terms(actor=SYSTEM, book=book, terms=FREE)
    assert terms_of(book) == FREE
