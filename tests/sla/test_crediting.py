"""What is credited, against somebody who works in fractions."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from portal.core.money import Money
from portal.sla.crediting import Late, Reason, credits_of, late_steps, shown
from portal.sla.definitions import CURRENT
from portal.sla.measuring import Measured, measured, timeline
from tests.sla import histories, oracle
from tests.sla.histories import history, tier


def late(minutes, reason=Reason.LATE_HANDOVER, passed=0):
    return Late(reason, minutes * 60, "due", "came", passed * 60)


def given(found):
    return {credit.reason.value: credit.amount.amount for credit in found}


@pytest.mark.parametrize("part", range(5))
def test_a_thousand_histories_are_measured_and_credited_as_the_oracle_works_it_out(part):
    seen = set()
    for seed in range(part, 1000, 5):
        told, dice = history(seed), random.Random(-seed)  # noqa: S311 - a test replays it
        promise = tier(
            degraded_weight=dice.choice([Decimal(0), Decimal("0.333"), Decimal(1)]),
            late_credit_percent=dice.choice([Decimal(0), Decimal("12.5"), Decimal(100)]),
        )
        day_price = Decimal(dice.randrange(0, 10**9)).scaleb(-6)
        price = day_price * dice.randrange(1, 32)
        lates = {
            reason: [histories.lateness(dice) for _ in range(dice.randrange(3))]
            for reason in (Reason.LATE_HANDOVER, Reason.LATE_REPLACEMENT)
        }
        found = measured(timeline(told.served, told.readings, told.exclusions, CURRENT))

        credits = credits_of(
            promise,
            found,
            [late(minutes, reason, passed) for reason, each in lates.items() for minutes, passed in each],
            price,
            day_price,
            "USD",
        )

        sums = oracle.sums(told.month, told.step, told.served, told.readings, told.exclusions)
        counted = Measured(
            sums["obliged"], sums[3], sums[2], sums[0], maintenance=sums["maintenance"], tenant=sums["tenant"]
        )
        assert found == counted, f"seed {seed}"
        expected = oracle.cents(
            promise,
            sums,
            {reason.value: each for reason, each in lates.items()},
            Fraction(price),
            Fraction(day_price),
        )
        assert given(credits) == {reason: Decimal(cents) / 100 for reason, cents in expected.items()}, f"seed {seed}"
        assert sum(given(credits).values()) <= Money(price, "USD").amount
        seen |= set(given(credits)) | {name for name, seconds in vars(found).items() if seconds}
    assert seen == {reason.value for reason in Reason} | set(vars(Measured())), "everything occurs"


def test_the_arithmetic_lets_one_recompute_the_amount():
    found = credits_of(tier(), Measured(obliged=86_400, down=600), [], Decimal("480.123456"), Decimal(0), "USD")

    told = found[0].arithmetic
    lost = Decimal(told["down_seconds"]) + Decimal(told["degraded_weight"]) * told["degraded_seconds"]
    availability = 100 * (told["measured_seconds"] - lost) / told["measured_seconds"]
    assert told["availability"] == shown(availability) == "99.305555555556"
    assert told["percent"] == "10"
    assert (
        str(Money(Decimal(told["price"]) * Decimal(told["percent"]) / 100, "USD").amount) == told["amount"] == "48.01"
    )


def test_exactly_on_the_promise_is_kept():
    kept = Measured(obliged=200_000, down=1000)
    missed = Measured(obliged=200_000, down=1001)

    assert credits_of(tier(), kept, [], Decimal(100), Decimal(0), "USD") == []
    assert given(credits_of(tier(), missed, [], Decimal(100), Decimal(0), "USD")) == {"availability": Decimal(10)}


@pytest.mark.parametrize(
    "minutes, steps", [(-5, 0), (0, 0), (120, 0), (121, 1), (240, 1), (241, 2), (120 + 12 * 120, 12)]
)
def test_each_step_begun_beyond_the_grace_counts(minutes, steps):
    assert late_steps(minutes * 60, tier()) == steps


def test_all_credits_together_are_never_more_than_the_price():
    measured_ = Measured(obliged=100_000, down=1500)
    found = credits_of(tier(), measured_, [late(900)], Decimal(100), Decimal(60), "USD")

    assert given(found) == {"availability": Decimal(25), "late_handover": Decimal(75)}
    assert found[1].arithmetic["capped_from"] == "420.00"


def test_a_currency_without_cents_is_rounded_to_whole_units():
    assert given(credits_of(tier(), Measured(obliged=1000, down=10), [], Decimal(1005), Decimal(0), "JPY")) == {
        "availability": Decimal(101)
    }
