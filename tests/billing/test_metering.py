"""Metering: drop, double and shuffle what was told; it counts the same seconds."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.metering import Held, merged, powered
from portal.core.months import month_of, months_in, next_month, previous_month, span_of
from portal.core.periods import Period

START = datetime(2030, 3, 1, tzinfo=UTC)
DAY = Period(START, START + timedelta(days=1))


def at(seconds):
    return START + timedelta(seconds=seconds)


def truth(switches, length):
    """Count second by second."""
    state, on = dict(switches), True
    for moment in sorted(state):
        if moment < 0:
            on = state[moment]
    total = 0
    for second in range(length):
        on = state.get(second, on)
        total += on
    return timedelta(seconds=total)


@settings(max_examples=200)
@given(st.dictionaries(st.integers(-50, 150), st.booleans(), max_size=8), st.randoms(use_true_random=False))
def test_power_is_counted_by_the_second(switches, dice):
    told = [(at(second), on) for second, on in switches.items()] * 2
    dice.shuffle(told)

    assert powered(Period(at(0), at(100)), told) == truth(switches.items(), 100)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=6))
def test_merged_time_is_counted_once(spans):
    seconds = {second for start, length in spans for second in range(start, start + length)}
    found = merged([Period(at(start), at(start + length)) for start, length in spans])

    assert sum((span.duration for span in found), timedelta(0)) == timedelta(seconds=len(seconds))
    assert all(one.end < other.start for one, other in pairwise(found))


def test_what_is_still_held_is_held_to_the_end_of_the_period():
    assert Held(at(60), None).within(DAY) == Period(at(60), DAY.end)
    assert Held(at(60), at(90)).within(DAY) == Period(at(60), at(90))
    assert Held(at(-60), at(0)).within(DAY) is None


def test_months_are_those_of_the_calendar():
    assert next_month(date(2030, 12, 1)) == date(2031, 1, 1)
    assert previous_month(date(2031, 1, 1)) == date(2030, 12, 1)
    assert span_of(date(2028, 2, 1)).duration == timedelta(days=29)
    assert month_of(datetime.fromisoformat("2030-04-01T01:00:00+02:00")) == date(2030, 3, 1)
    assert months_in(Period(at(-1), at(1))) == [date(2030, 2, 1), date(2030, 3, 1)]
    assert months_in(DAY) == [date(2030, 3, 1)]
