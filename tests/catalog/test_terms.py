"""What calling off costs, when, and how it is said."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.terms import FREE, HOUR, MOST_NOTICE, CancellationTerms, Step, describe
from portal.core.money import MINOR_UNITS, Money

START = datetime(2030, 12, 2, 12, tzinfo=UTC)
WEEK, DAY, TICK = timedelta(days=7), timedelta(days=1), timedelta(microseconds=1)


def terms(*pairs):
    """Return terms from pairs of hours and percent."""
    return CancellationTerms.of_pairs((hours * HOUR, Decimal(percent)) for hours, percent in pairs)


USUAL = terms((168, 0), (24, 25))
notices = st.integers(0, MOST_NOTICE // HOUR)
percents = st.decimals(0, 100, places=2)
spans = st.timedeltas(-MOST_NOTICE, 2 * MOST_NOTICE)
moneys = st.builds(Money, st.decimals(0, 10**14 - 1, places=2), st.sampled_from(sorted(MINOR_UNITS)))


@st.composite
def any_terms(draw):
    """Draw terms as the service admits them: each notice once, and less of it never costs less."""
    hours = sorted(draw(st.lists(notices, unique=True, max_size=6)), reverse=True)
    rising = sorted(draw(st.lists(percents, min_size=len(hours), max_size=len(hours))))
    return terms(*draw(st.permutations(list(zip(hours, rising, strict=True)))))


@given(any_terms(), moneys, spans)
def test_a_fee_is_the_exact_share_rounded_once_and_lies_between_nothing_and_the_price(agreed, price, notice):
    fee = agreed.fee(price, notice)

    exact = Fraction(price.amount) * Fraction(agreed.percent_at(notice)) / 100
    unit = Fraction(1, 10 ** MINOR_UNITS[price.currency])
    assert Fraction(fee.amount) == floor(exact / unit + Fraction(1, 2)) * unit
    assert 0 <= fee.amount <= price.amount
    assert fee.currency == price.currency


@given(any_terms(), moneys, spans, spans)
def test_less_notice_never_costs_less(agreed, price, one, other):
    shorter, longer = sorted((one, other))

    assert agreed.fee(price, shorter).amount >= agreed.fee(price, longer).amount


@given(any_terms())
def test_what_is_kept_is_read_as_it_was(agreed):
    assert CancellationTerms.of_json(agreed.as_json()) == agreed


@given(any_terms(), spans)
def test_the_spans_ahead_tell_what_is_owed_at_every_instant(agreed, notice):
    now = START - notice
    ahead = agreed.steps_before(START, now)

    assert bool(ahead) == (now <= START)
    assert [percent for _, percent in ahead] == sorted({percent for _, percent in ahead})
    moments = [now, *[until + TICK for until, _ in ahead[:-1]]]
    assert [agreed.percent_at(START - moment) for moment in moments[: len(ahead)]] == [p for _, p in ahead]
    assert [agreed.percent_at(START - until) for until, _ in ahead] == [p for _, p in ahead]
    assert [until for until, _ in ahead][-1:] == [START][: len(ahead)]


@given(any_terms())
def test_it_is_free_up_to_that_instant_and_no_longer(agreed):
    last = agreed.free_until(START)

    if last is None:
        assert agreed.percent_at(2 * MOST_NOTICE) > 0
    else:
        assert agreed.percent_at(START - last) == 0
        assert (agreed.percent_at(START - last - TICK) > 0) == bool(agreed.steps)


@pytest.mark.parametrize(
    "notice, percent",
    [(2 * WEEK, 0), (WEEK, 0), (WEEK - TICK, 25), (DAY, 25), (DAY - TICK, 100), (timedelta(0), 100), (-DAY, 100)],
)
def test_the_usual_terms_at_their_edges(notice, percent):
    assert USUAL.percent_at(notice) == percent
    assert FREE.percent_at(notice) == 0


def test_a_fee_by_hand():
    assert USUAL.fee(Money(Decimal("122572.90"), "USD"), DAY) == Money(Decimal("30643.23"), "USD")
    assert USUAL.fee(Money(Decimal(1001), "JPY"), DAY) == Money(Decimal(250), "JPY")


def test_the_last_free_instant():
    assert USUAL.free_until(START) == START - WEEK
    assert terms((24, 25)).free_until(START) is None
    assert terms((168, 0), (24, 0), (12, 50)).free_until(START) == START - DAY
    assert FREE.free_until(START) == START


def test_the_spans_ahead_by_hand():
    week, day = START - WEEK, START - DAY

    assert USUAL.steps_before(START, week) == [(week, 0), (day, 25), (START, 100)]
    assert USUAL.steps_before(START, week + TICK) == [(day, 25), (START, 100)]
    assert terms((168, 0), (24, 0), (0, 50)).steps_before(START, week + TICK) == [(day, 0), (START, 50)]
    assert FREE.steps_before(START, week) == [(START, 0)]
    assert FREE.steps_before(START, START + TICK) == USUAL.steps_before(START, START + TICK) == []


def test_what_is_kept_is_plain():
    assert terms((24, "12.50"), (168, 0)).as_json() == [
        {"notice_hours": 168, "percent": "0"},
        {"notice_hours": 24, "percent": "12.5"},
    ]
    assert FREE.as_json() == []


@pytest.mark.parametrize(
    "kept",
    [
        [{"notice_hours": 1.5, "percent": "1"}],
        [{"notice_hours": -1, "percent": "1"}],
        [{"notice_hours": 1, "percent": "101"}],
        [{"notice_hours": 1, "percent": "some"}],
        [{"notice_hours": 1}],
        [{"notice_hours": 10**20, "percent": "1"}],
    ],
)
def test_what_is_not_terms_is_not_read(kept):
    with pytest.raises((ValueError, KeyError, ArithmeticError)):
        CancellationTerms.of_json(kept)


@pytest.mark.parametrize(
    "notice, percent",
    [
        (-HOUR, "1"),
        (timedelta(minutes=90), "1"),
        (MOST_NOTICE + HOUR, "1"),
        (HOUR, "-0.01"),
        (HOUR, "100.01"),
        (HOUR, "0.001"),
        (HOUR, "NaN"),
        (HOUR, "sNaN"),
        (HOUR, "Infinity"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(notice, percent):
    with pytest.raises(ValueError, match=r"Give a (notice|percentage)"):
        Step(notice, Decimal(percent))


SENTENCES = [
    (USUAL, 10 * DAY, "Free cancellation until 25 Nov 12:00 UTC, then 25 %, from 1 Dec 12:00 UTC 100 %."),
    (USUAL, WEEK, "Free cancellation until 25 Nov 12:00 UTC, then 25 %, from 1 Dec 12:00 UTC 100 %."),
    (USUAL, 2 * DAY, "Cancellation costs 25 % until 1 Dec 12:00 UTC, then 100 %."),
    (USUAL, HOUR, "Cancellation costs 100 % of the price."),
    (USUAL, -HOUR, "Cancellation costs 100 % of the price."),
    (FREE, DAY, "Free cancellation at any time."),
    (terms((0, 0)), DAY, "Free cancellation until 2 Dec 12:00 UTC."),
    (terms((0, "12.50")), DAY, "Cancellation costs 12.5 % of the price."),
    (
        terms((72, 0), (48, 10), (24, 20), (0, 30)),
        WEEK,
        "Free cancellation until 29 Nov 12:00 UTC, then 10 %, from 30 Nov 12:00 UTC 20 %, from 1 Dec 12:00 UTC 30 %.",
    ),
    (
        USUAL,
        365 * DAY,
        "Free cancellation until 25 Nov 2030 12:00 UTC, then 25 %, from 1 Dec 2030 12:00 UTC 100 %.",
    ),
]


@pytest.mark.parametrize("agreed, notice, said", SENTENCES)
def test_people_read_one_sentence(agreed, notice, said):
    assert describe(agreed, START, START - notice) == said


def test_the_rule_is_said_without_instants():
    assert str(USUAL) == "0 % with 7 d of notice, 25 % with 24 h, else 100 %"
    assert str(terms((36, 10), (0, 50))) == "10 % with 36 h of notice, 50 % with 0 h"
    assert str(FREE) == "Free at any time"
