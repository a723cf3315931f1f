"""Rating: every month of a random life comes to the cent to what an oracle counts cell by cell."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.models import LineKind
from portal.billing.rating import Agreed, History, Lump, Used, due_until, rate_month
from portal.core.months import month_of, next_month, span_of
from portal.core.periods import Period
from tests.billing.stories import BEGIN, Story

MONTHS = 12


def months():
    month = month_of(BEGIN)
    for _ in range(MONTHS):
        yield span_of(month)
        month = next_month(month)


def billed_as_the_oracle_says(seed):
    story = Story(seed).told()
    history, charged = story.history(), Decimal(0)
    for month in months():
        lines = rate_month(history, month, charged)
        assert not any(line.kind == LineKind.CORRECTION for line in lines), seed
        charged += sum((line.amount for line in lines), Decimal(0))
        assert charged == story.oracle.due(month.end), (seed, month)
    # Never more than the customer was shown, and all of it for what was had in full.
    assert charged <= story.reservation.price
    return charged == story.reservation.price


@settings(max_examples=150)
@given(st.integers(0, 2**63))
def test_a_random_life_is_billed_to_the_cent(seed):
    billed_as_the_oracle_says(seed)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=10_000)
@given(st.integers(0, 2**63))
def test_ten_thousand_lives_are_billed_to_the_cent(seed):
    billed_as_the_oracle_says(seed)


def test_some_lives_are_used_in_full():
    assert any(billed_as_the_oracle_says(seed) for seed in range(50))


START = datetime(2030, 1, 31, 23, 0, tzinfo=UTC)
JANUARY, FEBRUARY = span_of(START.date().replace(day=1)), span_of(START.date().replace(month=2, day=1))
TWO_HOURS = Period(START, START + timedelta(hours=2))


def agreed(**kwargs):
    fields = {
        "kind": LineKind.ON_DEMAND,
        "label": "8 x H100",
        "gpus": 1,
        "rate": Decimal("0.005"),
        "period": TWO_HOURS,
        "count": 1,
        "amount": Decimal("0.01"),
        "places": (0, 1),
        **kwargs,
    }
    return Agreed(**fields)


def test_half_cents_of_two_months_are_one_cent():
    history = History("USD", (agreed(),), used=(Used(0, TWO_HOURS),))

    first = rate_month(history, JANUARY, Decimal(0))
    second = rate_month(history, FEBRUARY, Decimal("0.01"))

    assert [line.amount for line in first] == [Decimal("0.01")]
    assert [line.amount for line in second] == [Decimal("0.00")]
    assert [line.gpu_hours for line in second] == [Decimal(1)]


def test_what_was_charged_wrongly_is_a_line_of_its_own():
    history = History("USD", (agreed(rate=Decimal(5), amount=Decimal(10)),), used=(Used(0, TWO_HOURS),))

    lines = rate_month(history, FEBRUARY, charged=Decimal(7))

    assert [(line.kind, line.amount) for line in lines] == [
        (LineKind.ON_DEMAND, Decimal(5)),
        (LineKind.CORRECTION, Decimal(-2)),
    ]


def test_a_fee_is_of_the_month_in_which_it_became_due():
    history = History("USD", lumps=(Lump(FEBRUARY.start, "Given back", Decimal(3)),))

    assert rate_month(history, JANUARY, Decimal(0)) == []
    assert [line.amount for line in rate_month(history, FEBRUARY, Decimal(0))] == [Decimal(3)]
    assert due_until(history, FEBRUARY.start) == 0


def test_time_outside_of_what_was_agreed_costs_nothing():
    early = Used(0, Period(START - timedelta(hours=1), TWO_HOURS.end + timedelta(hours=3)))

    assert due_until(History("USD", (agreed(),), used=(early,)), FEBRUARY.end) == Decimal("0.01")
