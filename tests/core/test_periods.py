"""Periods are half-open spans of real time; what the clocks on the wall do is of no matter."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from hypothesis import given
from hypothesis import strategies as st

from portal.core.periods import Period, peak

START = datetime(2030, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TURNED_BACK = datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
"""Half an hour before Berlin's clocks go from three back to two."""

TICK = timedelta(microseconds=1)
few = st.integers(0, 12).map(lambda hours: START + timedelta(hours=hours))
instants = st.datetimes(datetime(2029, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))


@st.composite
def periods(draw, moments=few):
    start, end = sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True)))
    return Period(start, end)


def hours(start, end):
    return Period(START + timedelta(hours=start), START + timedelta(hours=end))


@given(periods(instants))
def test_the_start_belongs_to_the_period_and_the_end_does_not(period):
    moments = (period.start - TICK, period.start, period.end - TICK, period.end)

    assert [period.contains(moment) for moment in moments] == [False, True, True, False]


@given(periods(), periods())
def test_overlap_is_symmetric_and_means_a_common_instant(one, two):
    common = [hour for hour in range(13) if all(item.contains(START + timedelta(hours=hour)) for item in (one, two))]

    assert one.overlaps(two) == two.overlaps(one) == bool(common)


@given(periods(instants), st.timedeltas(TICK, timedelta(days=400)))
def test_touching_periods_do_not_overlap(period, length):
    after = Period(period.end, period.end + length)
    before = Period(period.start - length, period.start)

    assert not period.overlaps(after)
    assert not period.overlaps(before)
    assert period.overlaps(after.widened(before=TICK))
    assert period.overlaps(before.widened(after=TICK))


@given(periods(instants))
def test_hours_lose_no_microsecond(period):
    assert round(period.hours * 3_600_000_000) == period.duration // TICK


@given(periods(instants), st.decimals(0, 10**9, places=6))
def test_a_rate_is_exact_beyond_any_rounding(period, rate):
    exact = Fraction(rate) * (period.duration // TICK) / 3_600_000_000

    assert abs(Fraction(period.at_rate(rate)) - exact) < Fraction(1, 10**30)


@pytest.mark.parametrize(
    "seconds, rate, amount",
    [(1200, "0.015", "0.005"), (1200, "0.195", "0.065"), (400, "1.125", "0.125"), (1200, "3", "1")],
)
def test_a_third_of_an_hour_loses_nothing(seconds, rate, amount):
    period = Period(START, START + timedelta(seconds=seconds))

    assert period.at_rate(Decimal(rate)) == Decimal(amount)


@given(periods(st.integers(0, 12).map(lambda number: TURNED_BACK + timedelta(minutes=10 * number))))
def test_daylight_saving_changes_neither_order_nor_length(period):
    local = Period(period.start.astimezone(BERLIN), period.end.astimezone(BERLIN))

    assert local == period
    assert (local.start.tzinfo, local.end.tzinfo) == (UTC, UTC)
    assert local.duration == period.duration


def test_a_span_that_only_the_wall_clock_orders_is_refused():
    second_half_past_two = datetime(2030, 10, 27, 2, 30, tzinfo=BERLIN, fold=1)
    first_quarter_to_three = datetime(2030, 10, 27, 2, 45, tzinfo=BERLIN)

    with pytest.raises(ValueError, match="must end after it starts"):
        Period(second_half_past_two, first_quarter_to_three)


@pytest.mark.parametrize("end", [START, START - TICK])
def test_empty_and_reversed_spans_are_refused(end):
    with pytest.raises(ValueError, match="must end after it starts"):
        Period(START, end)


@pytest.mark.parametrize("start, end", [(datetime(2029, 1, 1), START), (START, datetime(2031, 1, 1))])
def test_instants_without_a_zone_are_refused(start, end):
    with pytest.raises(ValueError, match="time zone"):
        Period(start, end)


@given(periods(instants))
def test_the_database_range_is_half_open_and_comes_back(period):
    written = period.as_range()

    assert (written.lower, written.upper, written.bounds) == (period.start, period.end, "[)")
    assert Period.of_range(written) == period


@pytest.mark.parametrize(
    "value",
    [
        DateTimeTZRange(START, None, "[)"),
        DateTimeTZRange(None, START, "[)"),
        DateTimeTZRange(START, START + TICK, "[]"),
        DateTimeTZRange(START, START + TICK, "(]"),
        DateTimeTZRange(empty=True),
    ],
)
def test_other_ranges_are_refused(value):
    with pytest.raises(ValueError, match="not a bounded half-open range"):
        Period.of_range(value)


@given(
    periods(instants), st.timedeltas(timedelta(0), timedelta(days=9)), st.timedeltas(timedelta(0), timedelta(days=9))
)
def test_widening_moves_each_end_outwards_by_its_own(period, before, after):
    wide = period.widened(before=before, after=after)

    assert (period.start - wide.start, wide.end - period.end) == (before, after)
    assert period.widened() == period


@given(st.lists(st.tuples(periods(), st.integers(0, 9)), max_size=12))
def test_the_peak_is_the_highest_sum_at_any_instant(parts):
    sums = [
        sum(weight for period, weight in parts if period.contains(START + timedelta(hours=hour))) for hour in range(13)
    ]

    assert peak(parts) == max(sums)


def test_the_peak_of_touching_parts_is_the_larger_one():
    assert peak([(hours(0, 2), 3), (hours(2, 4), 5)]) == 5
    assert peak([]) == 0
