"""Money is rounded half up, once, to the minor unit of its currency."""

from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.money import MINOR_UNITS, Money, quantum, round_money

currencies = st.sampled_from(sorted(MINOR_UNITS))
amounts = st.decimals(-(10**12), 10**12, places=8)


def half_up(amount, currency):
    """Round without the decimal module: away from nothing when exactly between two."""
    units = abs(Fraction(amount)) * 10 ** MINOR_UNITS[currency]
    rounded = Fraction(floor(units + Fraction(1, 2)), 10 ** MINOR_UNITS[currency])
    return rounded if amount >= 0 else -rounded


@given(amounts, currencies)
def test_rounding_is_half_up_whatever_the_ambient_context(amount, currency):
    with localcontext(rounding=ROUND_DOWN):
        rounded = round_money(amount, currency)

    assert Fraction(rounded) == half_up(amount, currency)
    assert rounded.as_tuple().exponent == -MINOR_UNITS[currency]


@pytest.mark.parametrize(
    "amount, currency, rounded",
    [
        ("0.005", "USD", "0.01"),
        ("0.00499999", "USD", "0.00"),
        ("2.665", "EUR", "2.67"),
        ("-0.005", "USD", "-0.01"),
        ("-0.004", "USD", "0.00"),
        ("0.5", "JPY", "1"),
        ("1234.4999", "JPY", "1234"),
    ],
)
def test_rounding_at_the_edges(amount, currency, rounded):
    assert str(round_money(Decimal(amount), currency)) == rounded


@pytest.mark.parametrize("currency", sorted(MINOR_UNITS))
def test_the_quantum_is_one_minor_unit(currency):
    assert quantum(currency) * 10 ** MINOR_UNITS[currency] == 1


@pytest.mark.parametrize("currency", ["XXX", "usd", ""])
def test_an_unknown_currency_is_refused_with_the_known_ones(currency):
    with pytest.raises(ValueError, match="known: CHF, EUR, GBP, JPY, SEK, USD"):
        Money(Decimal(1), currency)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_money(amount):
    with pytest.raises(ValueError, match="not an amount of money"):
        Money(Decimal(amount), "USD")


@given(amounts, amounts, currencies)
def test_sums_of_one_currency_are_exact(one, two, currency):
    first, second = Money(one, currency), Money(two, currency)

    assert (first + second).amount == first.amount + second.amount
    assert first + second == second + first


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="Cannot add EUR to USD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")


def test_what_programs_and_people_read():
    money = Money(Decimal("1234.5"), "USD")

    assert money.as_json() == {"amount": "1234.50", "currency": "USD"}
    assert str(money) == "USD 1,234.50"
    assert str(Money(Decimal("1234567.5"), "JPY")) == "JPY 1,234,568"
