"""Ramps: at every instant as many servers as was asked for, and nobody moves who need not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.contracts.ramps import Part, Rung, ramp, rungs_of
from portal.core.periods import Period

JANUARY, MARCH, END = (datetime(2027, month, 1, tzinfo=UTC) for month in (1, 3, 12))


def test_8_from_january_and_16_from_march_are_two_lines_of_8():
    assert ramp([Rung(JANUARY, 8), Rung(MARCH, 16)], END) == [
        Part(8, Period(JANUARY, END)),
        Part(8, Period(MARCH, END)),
    ]


def test_what_shrinks_ends_what_came_last():
    assert ramp([Rung(JANUARY, 8), Rung(MARCH, 4)], END) == [
        Part(4, Period(JANUARY, MARCH)),
        Part(4, Period(JANUARY, END)),
    ]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8))
@settings(max_examples=100)
def test_at_every_instant_there_are_as_many_as_the_step_says(levels):
    rungs = [Rung(JANUARY + timedelta(days=number), level) for number, level in enumerate(levels)]
    parts = ramp(rungs, rungs[-1].start + timedelta(days=1))

    for rung in rungs:
        assert sum(part.servers for part in parts if part.period.contains(rung.start)) == rung.servers
    assert all(part.servers > 0 for part in parts)
    growth = sum(max(after - before, 0) for before, after in zip([0, *levels], levels, strict=False))
    assert sum(part.servers for part in parts) == growth, "nobody is moved who could stay"


@pytest.mark.parametrize(
    "rungs",
    [[Rung(MARCH, 8), Rung(JANUARY, 16)], [Rung(JANUARY, 8), Rung(JANUARY, 16)], [Rung(END, 1)], [Rung(JANUARY, -1)]],
)
def test_steps_out_of_order_or_below_nothing_are_refused(rungs):
    with pytest.raises(ValueError, match=r"Each step|Give how many"):
        ramp(rungs, END)


def test_steps_are_read_after_the_first():
    assert rungs_of("16 from 2027-03-01", 8, JANUARY) == [Rung(JANUARY, 8), Rung(MARCH, 16)]


@pytest.mark.parametrize(
    "text", ["", "16", "from March", "16 from 2027-02-30", "16 from 2027-03-01;", "-1 from 2027-03-01"]
)
def test_what_is_no_step_says_how_steps_are_written(text):
    with pytest.raises(ValueError, match=r"Write steps|day is out of range"):
        rungs_of(text, 8, JANUARY)
