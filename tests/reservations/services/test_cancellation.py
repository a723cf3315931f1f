"""What calling off costs: what was agreed when it was made, and never what the provider is to blame for."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import PriceChanged
from portal.core.money import Money
from portal.fleet.models import Server
from portal.fleet.states import ServerState
from portal.reservations.charges import Unused, cancellation_of, cut
from portal.reservations.models import Allocation, Reservation
from portal.reservations.services.lifecycle import (
    call_off,
    cancel,
    end_due,
    look_at_release,
    overrun,
    release,
    take_back,
)
from portal.reservations.services.quotes import withdraw
from portal.reservations.services.shorten import shorten
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import ReservationState
from tests import factories, hands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
R = ReservationState
USUAL = [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}]
HALF = [{"notice_hours": 0, "percent": "50"}]


def reserved(scope, terms=USUAL, **kwargs):
    """Return a reservation under terms; of a day, unless told otherwise, for 480."""
    factories.server()
    reservation = factories.reservation(scope, **kwargs)
    Reservation.objects.filter(pk=reservation.pk).update(cancellation_terms=terms)
    reservation.refresh_from_db()
    return reservation


def in_time(notice, **kwargs):
    start = clock.now() + notice
    return {"starts_at": start, "ends_at": start + DAY, **kwargs}


def called_off(scope, reservation):
    return cancel(scope=scope, actor=scope.actor, reservation=reservation)


@pytest.mark.parametrize(
    "notice,fee",
    [
        (7 * DAY, "0.00"),
        (7 * DAY - timedelta(microseconds=1), "120.00"),
        (DAY, "120.00"),
        (DAY - timedelta(microseconds=1), "480.00"),
        (HOUR, "480.00"),
    ],
)
def test_it_costs_by_the_notice_as_was_said_before(notice, fee):
    scope = factories.buyer()
    reservation = reserved(scope, **in_time(notice))
    said = cancellation_of(reservation, clock.now())

    made = called_off(scope, reservation)

    assert said.fee == Money(Decimal(fee), "USD")
    made.refresh_from_db()
    assert (made.state, made.price, made.cancellation_fee) == (R.CANCELLED, Decimal(480), Decimal(fee))
    assert made.total == said.fee
    row = AuditEvent.objects.get(verb="reservation.state_changed", target=made.public_id, data__to=R.CANCELLED)
    assert row.data["fee"] == {"amount": fee, "currency": "USD"}


def test_without_terms_it_is_free():
    scope = factories.buyer()
    reservation = reserved(scope, terms=[], **in_time(HOUR))

    assert called_off(scope, reservation).total == Money(Decimal(0), "USD")


def test_a_hold_costs_nothing():
    scope = factories.buyer()
    quote = factories.hold(scope)
    Reservation.objects.update(cancellation_terms=USUAL)
    held = Reservation.objects.get()

    assert cancellation_of(held, clock.now()).fee == Money(Decimal(0), "USD")
    withdraw(scope=scope, actor=scope.actor, quote=quote)
    held.refresh_from_db()
    assert (held.state, held.total) == (R.CANCELLED, Money(Decimal(0), "USD"))


def test_what_is_being_prepared_costs_as_much_as_without_notice():
    scope = factories.buyer()
    reservation = reserved(scope, starts_at=None, ends_at=clock.now() + DAY)
    assert reservation.state == R.PROVISIONING

    made = called_off(scope, reservation)

    made.refresh_from_db()
    assert (made.state, made.total) == (R.ENDED, Money(Decimal(480), "USD"))


def test_what_staff_calls_off_costs_the_customer_nothing():
    reservation = reserved(factories.buyer(), **in_time(HOUR))

    assert call_off(actor=SYSTEM, reservation=reservation, reason="no power").total == Money(Decimal(0), "USD")


def test_a_start_that_is_late_is_called_off_for_nothing(noon):
    scope = factories.buyer()
    reservation = reserved(scope, **in_time(HOUR))
    Server.objects.update(state=ServerState.RELEASING)
    noon.shift(HOUR - timedelta(microseconds=1))
    begin_provisioning(actor=SYSTEM, reservation=reservation)
    reservation.refresh_from_db()
    assert reservation.start_delayed_at is not None
    assert cancellation_of(reservation, clock.now()).fee == Money(Decimal(480), "USD"), "it may yet be in time"
    noon.shift(timedelta(microseconds=1))

    assert cancellation_of(reservation, clock.now()).description == "Its start is late, so calling it off is free."
    assert called_off(scope, reservation).total == Money(Decimal(0), "USD")


def test_what_was_given_back_before_is_owed_beside_what_the_rest_costs():
    """Two days for 960: the second one is called off for 120, then the first one for 25 % of 480."""
    scope = factories.buyer()
    reservation = reserved(scope, **in_time(2 * DAY, ends_at=clock.now() + 4 * DAY))
    shorten(scope=scope, actor=scope.actor, reservation=reservation, ends_at=clock.now() + 3 * DAY)
    reservation.refresh_from_db()
    assert (reservation.price, reservation.cancellation_fee) == (Decimal(600), Decimal(120))

    assert called_off(scope, reservation).total == Money(Decimal(240), "USD")


@pytest.mark.parametrize("way", ["failed", "too slow", "over"])
def test_when_nothing_is_handed_over_not_even_an_earlier_fee_is_owed(way, noon):
    scope = factories.buyer()
    reservation = reserved(scope, **in_time(2 * DAY, ends_at=clock.now() + 4 * DAY))
    shorten(scope=scope, actor=scope.actor, reservation=reservation, ends_at=clock.now() + 3 * DAY)
    noon.shift(2 * DAY)
    begin_provisioning(actor=SYSTEM, reservation=reservation)
    if way == "failed":
        hands.work(reservation, failing=[0])
    elif way == "too slow":
        noon.shift(6 * HOUR)
        overrun(actor=SYSTEM, reservation=reservation)
    else:
        noon.shift(DAY)
        end_due(actor=SYSTEM, reservation=reservation)

    reservation.refresh_from_db()
    assert reservation.state in (R.FAILED, R.ENDED, R.ENDING)
    assert reservation.total == Money(Decimal(0), "USD")


@pytest.mark.parametrize(
    "terms,total", [([], 120), (USUAL, 480), (HALF, 300), ([{"notice_hours": 0, "percent": "0"}], 120)]
)
def test_what_is_released_early_costs_what_the_terms_say_without_notice(terms, total, noon):
    """Released after 6 of 24 hours: 120 are used, and 360 are given back."""
    scope = factories.buyer()
    reservation = hands.work(reserved(scope, terms=terms, starts_at=None, ends_at=clock.now() + DAY))
    noon.shift(6 * HOUR)
    lines = len(reservation.price_lines)
    said = cut(reservation, clock.now(), clock.now()).total

    made = release(scope=scope, actor=scope.actor, reservation=reservation)

    made.refresh_from_db()
    assert made.total == said == Money(Decimal(total), "USD")
    assert sum(Decimal(line["amount"]["amount"]) for line in made.price_lines) == made.price
    assert len(made.price_lines) == lines + (1 if terms in (USUAL, HALF) else 0)


@pytest.mark.parametrize("terms", [[], USUAL, HALF, [{"notice_hours": 0, "percent": "0"}]])
@pytest.mark.parametrize("given_back_before", [False, True])
def test_ending_at_an_instant_costs_the_same_by_either_door(terms, given_back_before, noon):
    """Shortened to an instant five minutes ahead, or released at that instant."""
    scopes = [factories.buyer(), factories.buyer()]
    span = {"starts_at": None, "ends_at": clock.now() + DAY}
    by_shortening, by_release = made = [hands.work(reserved(scope, terms=terms, **span)) for scope in scopes]
    noon.shift(6 * HOUR)
    end = clock.now() + timedelta(minutes=5)
    if given_back_before:
        for scope, item in zip(scopes, made, strict=True):
            shorten(scope=scope, actor=scope.actor, reservation=item, ends_at=clock.now() + 9 * HOUR)
            item.refresh_from_db()

    shorten(scope=scopes[0], actor=scopes[0].actor, reservation=by_shortening, ends_at=end)
    noon.move_to(end)
    release(scope=scopes[1], actor=scopes[1].actor, reservation=by_release)

    for item in made:
        item.refresh_from_db()
    assert by_release.total == by_shortening.total
    assert by_release.cancellation_fee == by_shortening.cancellation_fee
    # When a fee became due is when it was asked for: an instant later by one door than by the other.
    assert _undated(by_release.price_lines) == _undated(by_shortening.price_lines)


def snapshot():
    return [
        list(Reservation.objects.order_by("pk").values()),
        list(Allocation.objects.order_by("pk").values()),
        AuditEvent.objects.count(),
    ]


def test_what_was_shown_for_a_release_covers_it_for_as_long_as_it_says_and_no_longer(noon):
    scope = factories.buyer()
    reservation = hands.work(reserved(scope, terms=HALF, starts_at=None, ends_at=clock.now() + DAY))
    noon.shift(6 * HOUR)
    shown = look_at_release(reservation)
    assert shown.until == clock.now() + timedelta(minutes=5)
    noon.move_to(shown.until + timedelta(minutes=1))
    before = snapshot()

    with pytest.raises(PriceChanged) as refused:
        release(scope=scope, actor=scope.actor, reservation=reservation, agreed=shown.left.total)

    assert snapshot() == before
    now = look_at_release(reservation).left.total
    assert refused.value.extra["agreed"] == shown.left.total.as_json()
    assert shown.left.total.amount < Decimal(refused.value.extra["total"]["amount"]) < now.amount

    noon.move_to(shown.until)
    made = release(scope=scope, actor=scope.actor, reservation=reservation, agreed=shown.left.total)
    assert made.total == shown.left.total


def test_what_is_released_in_its_last_minutes_costs_what_was_agreed(noon):
    scope = factories.buyer()
    reservation = hands.work(reserved(scope, terms=[], starts_at=None, ends_at=clock.now() + DAY))
    noon.shift(DAY - timedelta(minutes=2))

    shown = look_at_release(reservation)

    assert (shown.until, shown.left.total) == (reservation.span.end, reservation.total)


def test_what_staff_takes_back_is_paid_as_agreed():
    reservation = hands.work(reserved(factories.buyer(), terms=HALF, starts_at=None, ends_at=clock.now() + DAY))

    assert take_back(actor=SYSTEM, reservation=reservation, reason="rack moves").total.amount == Decimal(480)


@pytest.mark.parametrize(("unused", "owed"), [(Unused.PAID, 480), (Unused.BY_TERMS, 300), (Unused.FREE, 120)])
def test_what_staff_takes_back_may_be_paid_otherwise(noon, unused, owed):
    reservation = hands.work(reserved(factories.buyer(), terms=HALF, starts_at=None, ends_at=clock.now() + DAY))
    noon.shift(6 * HOUR)
    shown = look_at_release(reservation, unused)

    made = take_back(actor=SYSTEM, reservation=reservation, reason="rack moves", unused=unused)

    assert made.total.amount == Decimal(owed)
    assert shown.left.total.amount >= made.total.amount


def _undated(lines):
    return [{name: value for name, value in line.items() if name != "at"} for line in lines]
