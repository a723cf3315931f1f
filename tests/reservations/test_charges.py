"""What a price is made of, and what of it is owed for what is called off, whatever was agreed."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.catalog.selectors import Tariff
from portal.catalog.terms import FREE, HOUR, CancellationTerms
from portal.core.money import MINOR_UNITS, Money
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.charges import (
    Cancellation,
    Charge,
    cancellation_of,
    charges_of,
    cut,
    less,
    sum_of,
)
from portal.reservations.models import Reservation
from portal.reservations.states import TO_COME, ReservationState

START = datetime(2031, 3, 4, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
R = ReservationState
KIND, PLACE = ServerType(name="8 x H100", gpu_count=8), Region(code="eu-north-1")
USUAL = CancellationTerms.of_pairs([(168 * HOUR, Decimal(0)), (24 * HOUR, Decimal(25))])


def reserved(length=2 * DAY, rate="2.50", count=1, currency="USD", terms=USUAL, state=R.SCHEDULED, **kwargs):
    """Return a reservation as it is written when it is made, without a database."""
    span = Period(START, START + length)
    price = Tariff(KIND, PLACE, currency, Decimal(rate), terms).quote(count, span)
    fields = {
        "state": state,
        "server_type": KIND,
        "region": PLACE,
        "count": count,
        "period": span.as_range(),
        "rate_per_gpu_hour": price.rate,
        "price": price.total.amount,
        "currency": currency,
        "price_lines": [line.as_json() for line in price.lines],
        "cancellation_terms": terms.as_json(),
        "cancellation_fee": Decimal(0),
        **kwargs,
    }
    return Reservation(**fields)


def with_more(reservation, period, rate, count=None):
    """Return it with one more charge, as extending and adding write it."""
    tariff = Tariff(KIND, PLACE, reservation.currency, Decimal(rate), FREE)
    servers = count or reservation.count
    charge = Charge(tariff.quote(servers, period).lines[0], servers, Decimal(rate), period)
    return rewritten(reservation, [*charges_of(reservation), charge], max(reservation.span.end, period.end))


def rewritten(reservation, charges, end, owed=Decimal(0)):
    reservation.price_lines = json.loads(json.dumps([charge.as_json() for charge in charges]))
    reservation.price = sum_of(charges, reservation.currency).amount
    reservation.period = Period(reservation.span.start, end).as_range()
    reservation.cancellation_fee = owed
    return reservation


def usd(amount):
    return Money(Decimal(amount), "USD")


rates = st.decimals("0.01", 40, places=4).map(str)
lengths = st.integers(1, 40 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
notices = st.timedeltas(-3 * DAY, 30 * DAY)
currencies = st.sampled_from(sorted(MINOR_UNITS))


@st.composite
def any_terms(draw):
    """Draw terms as price books admit them: less notice never costs less."""
    hours = sorted(draw(st.lists(st.integers(0, 600), unique=True, max_size=4)), reverse=True)
    percents = sorted(draw(st.lists(st.decimals(0, 100, places=2), min_size=len(hours), max_size=len(hours))))
    return CancellationTerms.of_pairs((hour * HOUR, percent) for hour, percent in zip(hours, percents, strict=True))


@st.composite
def any_reservation(draw):
    """Draw a reservation that was perhaps extended and enlarged."""
    reservation = reserved(draw(lengths), draw(rates), draw(st.integers(1, 9)), draw(currencies), draw(any_terms()))
    for _ in range(draw(st.integers(0, 2))):
        end = reservation.span.end
        if draw(st.booleans()):
            reservation = with_more(reservation, Period(end, end + draw(lengths)), draw(rates))
        else:
            span = reservation.span
            into = span.duration * draw(st.integers(0, 9)) / 10
            reservation = with_more(reservation, Period(span.start + into, end), draw(rates), draw(st.integers(1, 5)))
    return reservation


@given(any_reservation(), st.integers(1, 99), notices)
def test_a_cut_price_and_what_is_saved_make_up_the_whole(reservation, part, notice):
    ends_at = reservation.span.start + reservation.span.duration * part / 100
    price = Money(reservation.price, reservation.currency)
    zero = Money(Decimal(0), reservation.currency)

    left = cut(reservation, ends_at, ends_at - notice)

    assert left.total + left.saved == price
    assert left.total == sum_of(left.charges, reservation.currency)
    assert zero.amount <= left.fee.amount <= left.removed.amount <= price.amount
    assert left.owed == left.fee
    assert left.fee == CancellationTerms.of_json(reservation.cancellation_terms).fee(left.removed, notice)
    assert all(charge.period is None or charge.period.end <= ends_at for charge in left.charges)
    assert [Charge.of_json(json.loads(json.dumps(charge.as_json()))) for charge in left.charges] == list(left.charges)


@given(any_reservation(), st.integers(1, 98), st.integers(1, 98), notices)
def test_an_earlier_end_never_costs_more_in_what_is_kept_and_less_notice_never_less(reservation, one, other, notice):
    assume(one != other)
    first, second = (reservation.span.start + reservation.span.duration * part / 100 for part in sorted((one, other)))
    early, late = (cut(reservation, end, end - notice) for end in (first, second))

    assert less(early.total, early.fee).amount <= less(late.total, late.fee).amount
    assert cut(reservation, first, first - notice + HOUR).fee.amount >= early.fee.amount


@given(any_reservation(), lengths, rates)
def test_longer_and_back_is_as_before(reservation, length, rate):
    before, end = charges_of(reservation), reservation.span.end
    reservation.cancellation_terms = []

    left = cut(with_more(reservation, Period(end, end + length), rate), end, START)

    assert left.charges == before


@given(any_reservation(), st.integers(2, 99), st.integers(1, 99))
def test_in_two_steps_it_is_the_same_as_in_one(reservation, first, second):
    start, length = reservation.span.start, reservation.span.duration
    near, far = start + length * first / 100, start + length * first / 100 * second / 100
    assume(start < far < near)
    reservation.cancellation_terms = []
    at_once = cut(reservation, far, START)

    step = cut(reservation, near, START)
    twice = cut(rewritten(reservation, step.charges, near), far, START)

    assert [charge.line.amount for charge in twice.charges] == [charge.line.amount for charge in at_once.charges]
    assert twice.charges == at_once.charges


@given(any_reservation(), notices, notices, st.integers(0, 100))
def test_calling_off_costs_between_what_is_owed_already_and_all_and_never_less_later(reservation, one, other, part):
    reservation.cancellation_fee = Money(reservation.price * part / 100, reservation.currency).amount
    late, early = sorted((one, other))

    fees = [cancellation_of(reservation, START - notice).fee.amount for notice in (early, late)]

    assert reservation.cancellation_fee <= fees[0] <= fees[1] <= reservation.price


@given(any_reservation(), st.integers(0, 100), st.integers(0, 100))
def test_released_later_it_never_costs_less_and_without_terms_nothing_but_what_is_used(reservation, one, other):
    early, late = (START + reservation.span.duration * part / 100 for part in sorted((one, other)))

    totals = [cut(reservation, at, at).total.amount for at in (early, late)]

    assert 0 <= totals[0] <= totals[1] <= reservation.price
    reservation.cancellation_terms = []
    assert cut(reservation, early, early).fee.amount == 0


def test_what_is_cut_reads_as_if_it_had_never_been_longer():
    reservation = with_more(reserved(), Period(START + 2 * DAY, START + 3 * DAY), "3.00")

    left = cut(reservation, START + DAY, START - 30 * DAY)

    assert left.charges == charges_of(reserved(DAY))
    assert (left.removed, left.fee, left.total, left.saved) == (usd(480 + 576), usd(0), usd(480), usd(1056))


def test_a_fee_is_a_line_and_is_not_charged_for_again():
    reservation = reserved(3 * DAY)

    first = cut(reservation, START + 2 * DAY, START)
    second = cut(
        rewritten(reservation, first.charges, START + 2 * DAY, first.owed.amount), START + DAY, START - 6 * DAY
    )

    assert (first.percent, first.fee, first.total) == (25, usd(120), usd(1080))
    assert (second.percent, second.fee, second.owed, second.total) == (0, usd(0), usd(120), usd(600))
    assert [(charge.line.label, charge.line.quantity) for charge in second.charges] == [
        ("8 x H100 in eu-north-1", "8 GPU x 24 h x 2.50"),
        ("Given back from 2031-03-06T12:00:00Z", "25 % of USD 480.00"),
    ]


def test_a_quote_that_was_accepted_late_is_worth_what_was_quoted():
    """For the price of 48 hours it has 47: what is cut off is worth its own time, and nothing becomes negative."""
    reservation = reserved()
    reservation.period = Period(START + HOUR, START + 2 * DAY).as_range()

    left = cut(reservation, START + DAY, START - 30 * DAY)
    little = cut(reservation, START + HOUR + TICK, START - 30 * DAY)

    assert (left.removed, left.total) == (usd(480), usd(480))
    assert little.total == usd(20)


def test_a_row_without_lines_has_one_for_its_price():
    reservation = reserved(price_lines=[], price=Decimal(7))

    assert [(charge.line.label, charge.amount) for charge in charges_of(reservation)] == [
        ("8 x H100 in eu-north-1", usd(7))
    ]


def test_what_calling_off_costs_is_said_in_words_and_with_its_last_free_instant():
    found = cancellation_of(reserved(), START - 8 * DAY)

    assert found == Cancellation(
        usd(0),
        Decimal(0),
        START - 7 * DAY,
        "Free cancellation until 25 Feb 12:00 UTC, then 25 %, from 3 Mar 12:00 UTC 100 %.",
    )


@pytest.mark.parametrize("state", sorted(set(R) - set(TO_COME)))
def test_what_cannot_be_called_off_costs_what_is_owed_anyway(state):
    reservation = reserved(state=state, handed_over_at=START)

    found = cancellation_of(reservation, START)

    assert (found.fee, found.free_until) == (usd(960), None)


@pytest.mark.parametrize("late,fee", [(timedelta(0), 0), (-TICK, 960)])
def test_a_late_start_may_be_called_off_for_nothing_once_it_is_late(late, fee):
    reservation = reserved(start_delayed_at=START - HOUR)

    assert cancellation_of(reservation, START + late).fee == usd(fee)
