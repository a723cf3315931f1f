"""The arithmetic of contracts against slow, independent sums."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.contracts.arithmetic import LineTerms, early_fee, totals, whole_months
from portal.core.money import MINOR_UNITS, Money
from portal.core.periods import Period

START = datetime(2027, 1, 1, tzinfo=UTC)
RATE = st.decimals(0, 100, places=6)
PERIODS = st.builds(
    lambda begin, length: Period(START + begin, START + begin + length),
    st.timedeltas(timedelta(0), timedelta(days=900)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=1200)),
)


def lines(currencies=("USD",)):
    return st.builds(
        LineTerms,
        servers=st.integers(1, 4096),
        gpus_per_server=st.sampled_from([1, 4, 8]),
        period=PERIODS,
        unit=RATE,
        discount=st.decimals(0, 100, places=2),
        list_rate=RATE,
        floor_rate=RATE,
        currency=st.sampled_from(currencies),
    )


def line(**kwargs):
    fields = {
        "servers": 8,
        "gpus_per_server": 8,
        "period": Period(START, datetime(2028, 1, 1, tzinfo=UTC)),
        "unit": Decimal("2.50"),
        "discount": Decimal(10),
        "list_rate": Decimal("2.50"),
        "floor_rate": Decimal("2.00"),
        "currency": "USD",
        **kwargs,
    }
    return LineTerms(**fields)


def slow_total(terms):
    """Return a line's total from fractions, half a cent up."""
    length = terms.period.end - terms.period.start
    micros = (length.days * 86_400 + length.seconds) * 10**6 + length.microseconds
    exact = terms.servers * terms.gpus_per_server * Fraction(micros, 3_600 * 10**6)
    exact *= Fraction(terms.unit) * (1 - Fraction(terms.discount) / 100)
    minor = 10 ** MINOR_UNITS[terms.currency]
    return Decimal(int(exact * minor + Fraction(1, 2))) / minor


@given(lines(sorted(MINOR_UNITS)))
@settings(max_examples=300)
def test_a_line_is_servers_by_gpus_by_hours_by_rate_less_the_discount_rounded_once(terms):
    assert terms.total.amount == slow_total(terms)


@given(st.lists(lines(), max_size=5), PERIODS)
@settings(max_examples=100)
def test_the_total_is_the_sum_of_the_lines_as_they_are_shown(found, term):
    together = totals(found, term, "USD")

    assert together.total.amount == sum(map(slow_total, found))
    assert together.margin.amount == together.total.amount - together.at_floor.amount
    assert abs(together.monthly.amount * together.months - together.total.amount) <= together.months


def test_a_year_of_64_gpus():
    terms = line()
    together = totals([terms], terms.period, "USD")

    assert together.total == Money(Decimal("1261440.00"), "USD")
    assert together.monthly == Money(Decimal("105120.00"), "USD")
    assert together.per_gpu_hour == Decimal("2.25")
    assert together.margin == Money(Decimal("140160.00"), "USD")
    assert together.margin_percent == Decimal("11.11")
    assert together.off_list == terms.off_list == 10
    assert not terms.is_below_floor


def test_nothing_comes_to_nothing():
    nothing = totals([], Period(START, START + timedelta(days=31)), "EUR")

    assert (nothing.total.amount, nothing.per_gpu_hour, nothing.margin_percent, nothing.off_list) == (0, 0, 0, 0)


def test_currencies_are_never_added():
    with pytest.raises(ValueError, match="Cannot add"):
        totals([line(), line(currency="EUR")], line().period, "USD")


@pytest.mark.parametrize(
    ("unit", "discount", "is_below", "is_too_fine"),
    [
        ("2.00", "0", False, False),
        ("2.00", "0.01", True, False),
        ("2.34567", "12.5", False, True),
        ("2.345678", "0", False, False),
    ],
)
def test_floor_and_places_are_judged_after_the_discount(unit, discount, is_below, is_too_fine):
    terms = line(unit=Decimal(unit), discount=Decimal(discount))

    assert (terms.is_below_floor, terms.is_too_fine) == (is_below, is_too_fine)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ((2027, 1, 1), (2028, 1, 1), 12),
        ((2027, 1, 31), (2027, 3, 1), 1),
        ((2027, 1, 15), (2027, 2, 14), 0),
        ((2027, 12, 1), (2028, 1, 1), 1),
        ((2028, 2, 29), (2029, 2, 28), 11),
    ],
)
def test_whole_months_are_of_the_calendar(start, end, months):
    period = Period(datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))

    assert whole_months(period) == months


def test_what_an_early_end_costs_is_rounded_once():
    assert early_fee(Money(Decimal("0.33"), "USD"), Decimal("50")) == Money(Decimal("0.17"), "USD")
