"""Another end: the same servers for longer at the price of now, or for less time by the terms that were agreed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import (
    ApprovalRequired,
    ExtensionBlocked,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from portal.core.money import Money
from portal.core.periods import Period
from portal.operations.selectors import events_of
from portal.reservations.capacity import Demand, free_count
from portal.reservations.models import Allocation, Reservation
from portal.reservations.request import MAX_LENGTH
from portal.reservations.services.extend import Extension, extend, look_at_extension
from portal.reservations.services.lifecycle import end_due
from portal.reservations.services.notices import announce_end
from portal.reservations.services.shorten import Shortening, look_at_shortening, shorten
from portal.reservations.states import ReservationState
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.scope import Scope
from tests import factories, hands, thawing
from tests.reservations.calendars import bare_reservation, snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CLEANUP = 30 * MINUTE
R = ReservationState
USUAL = [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}]


def usd(amount):
    return Money(Decimal(amount), "USD")


def later(scope, **kwargs):
    """Return a reservation of tomorrow, for a day: 8 GPU x 24 h x 2.50 is 480 for each server."""
    return factories.reservation(scope, **kwargs)


def longer(scope, reservation, ends_at):
    return extend(scope=scope, actor=scope.actor, reservation=reservation, ends_at=ends_at)


def earlier(scope, reservation, ends_at):
    return shorten(scope=scope, actor=scope.actor, reservation=reservation, ends_at=ends_at)


def refused(kind, act, *args, **kwargs):
    """Return the refusal of an act, after which nothing has changed."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        act(*args, **kwargs)
    assert snapshot() == before
    return caught.value


def kept(reservation):
    """Return from when to when each server is kept, and from when it is erased."""
    rows = Allocation.objects.filter(reservation=reservation).order_by("position")
    return [(row.occupied.lower, row.turnover and row.turnover.lower, row.occupied.upper) for row in rows]


def lines(reservation):
    return [(line["label"], line["quantity"], line["amount"]["amount"]) for line in reservation.price_lines]


def with_terms(reservation):
    Reservation.objects.filter(pk=reservation.pk).update(cancellation_terms=USUAL)
    reservation.refresh_from_db()
    return reservation


def rate(amount):
    """Sell at another rate from now on."""
    thawing.reprice(amount)


def test_a_later_end_keeps_the_servers_and_adds_its_price_at_the_rate_of_now():
    scope = factories.buyer()
    factories.servers(2)
    reservation = later(scope, count=2, name="train")
    before = list(reservation.allocations.values_list("pk", "server_id", "hostname"))
    start, end = reservation.span.start, reservation.span.end
    rate("3.00")

    seen = look_at_extension(scope, reservation, end + 12 * HOUR)
    made = longer(scope, reservation, end + 12 * HOUR)

    # 2 servers x 8 GPUs x 12 hours x 3.00
    assert seen == Extension(True, None, usd(576), usd(1536), 0, None)
    made.refresh_from_db()
    assert made.span == Period(start, end + 12 * HOUR)
    assert (made.price, made.rate_per_gpu_hour) == (Decimal("1536.00"), Decimal("2.50"))
    assert lines(made) == [
        ("8 x H100 in eu-north-1", "16 GPU x 24 h x 2.50", "960.00"),
        ("8 x H100 in eu-north-1, longer to 2031-03-07T00:00:00Z", "16 GPU x 12 h x 3.00", "576.00"),
    ]
    assert list(made.allocations.values_list("pk", "server_id", "hostname")) == before
    assert kept(made) == [(start - 20 * MINUTE, end + 12 * HOUR, end + 12 * HOUR + CLEANUP)] * 2
    event = events_of(made.public_id).last()
    assert event.message == "The reservation now ends at 2031-03-07T00:00:00Z; USD 576.00 are added to its price."
    audit = AuditEvent.objects.latest("pk")
    assert (audit.verb, audit.target) == ("reservation.extended", made.public_id)
    assert audit.data["added"] == {"amount": "576.00", "currency": "USD"}


def test_an_active_one_goes_on_with_what_it_has_and_pays_for_that_alone():
    scope = factories.buyer()
    factories.servers(2)
    reservation = hands.active(scope, count=2, failing=[0])
    end = reservation.span.end

    longer(scope, reservation, end + HOUR)

    reservation.refresh_from_db()
    assert reservation.price == Decimal("960.00") + 8 * Decimal("2.50")
    assert [row[2] for row in kept(reservation)] == [end + CLEANUP, end + HOUR + CLEANUP]


def test_it_is_extended_again_and_again_and_never_beyond_the_longest_from_its_start():
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)
    last = reservation.span.start + MAX_LENGTH
    for end in (reservation.span.end + HOUR, reservation.span.end + DAY, last):
        reservation = longer(scope, reservation, end)

    error = refused(InvalidInput, longer, scope, reservation, last + timedelta(microseconds=1))

    assert [(item.field, item.code) for item in error.errors] == [("ends_at", "too_long")]
    assert reservation.price == Decimal(366 * 480)


@pytest.mark.parametrize("by", [timedelta(0), -HOUR])
def test_an_end_that_is_not_later_is_refused(by):
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)

    for act in (look_at_extension, longer):
        error = refused(InvalidInput, act, scope, reservation, reservation.span.end + by)
        assert [(item.field, item.code) for item in error.errors] == [("ends_at", "not_after_end")]


def test_who_has_the_servers_next_is_in_the_way_and_the_latest_end_is_said():
    """Two of three servers are somebody else's later, one of them sooner than the other."""
    scope, other = factories.buyer(), factories.buyer()
    factories.servers(3)
    reservation = later(scope, count=3)
    end = reservation.span.end
    later(other, starts_at=end + 5 * HOUR, ends_at=end + 8 * HOUR)
    later(other, starts_at=end + 7 * HOUR, ends_at=end + 9 * HOUR)

    taken_from = end + 5 * HOUR - 20 * MINUTE
    latest = taken_from - CLEANUP
    seen = look_at_extension(scope, reservation, end + 7 * HOUR)
    error = refused(ExtensionBlocked, longer, scope, reservation, end + 7 * HOUR)

    assert seen == Extension(False, latest, usd(3 * 8 * 7 * 5 / 2), usd(1440 + 420), 2, taken_from)
    assert error.extra == {
        "latest_end": clock.as_rfc3339(latest),
        "blocked_servers": 2,
        "blocked_from": clock.as_rfc3339(taken_from),
    }
    assert look_at_extension(scope, reservation, latest).fits
    assert not look_at_extension(scope, reservation, latest + timedelta(microseconds=1)).fits
    assert longer(scope, reservation, latest).span.end == latest


def test_where_no_later_end_is_possible_it_says_so():
    scope, other = factories.buyer(), factories.buyer()
    factories.server()
    reservation = later(scope)
    start = reservation.span.end + CLEANUP + 20 * MINUTE
    later(other, starts_at=start, ends_at=start + HOUR)

    error = refused(ExtensionBlocked, longer, scope, reservation, reservation.span.end + MINUTE)

    assert (error.extra["latest_end"], error.extra["blocked_servers"]) == (None, 1)
    assert error.detail == ("1 of its servers is promised to others from 2031-03-06T12:30:00Z. It cannot end later.")


def test_a_hold_that_has_run_out_is_not_in_the_way(noon):
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)
    end = reservation.span.end
    factories.hold(factories.buyer(), starts_at=end + 2 * HOUR, ends_at=end + 5 * HOUR)
    refused(ExtensionBlocked, longer, scope, reservation, end + 2 * HOUR)
    noon.shift(HOUR)

    assert longer(scope, reservation, end + 2 * HOUR).span.end == end + 2 * HOUR


def test_limits_hold_for_the_longer_period_and_count_it_once():
    scope = factories.buyer(limit=2)
    factories.servers(2)
    reservation = later(scope, count=2)
    end = reservation.span.end
    bare_reservation(R.FAILED, project=scope.project, period=Period(end, end + HOUR).as_range())
    bare_reservation(project=scope.project, period=Period(end + HOUR, end + 2 * HOUR).as_range())

    assert longer(scope, reservation, end + HOUR).span.end == end + HOUR
    refused(QuotaExceeded, longer, scope, reservation, end + HOUR + MINUTE)


def test_who_may_not_spend_that_much_alone_may_not_extend_by_it():
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)
    scope.organization.approval_limit = Decimal("20.00")
    operator = Scope(scope.actor, scope.project, Role.OPERATOR)

    refused(ApprovalRequired, longer, operator, reservation, reservation.span.end + HOUR + MINUTE)
    longer(operator, reservation, reservation.span.end + HOUR)


def test_a_longer_end_is_announced_anew():
    scope = factories.buyer()
    factories.server()
    reservation = hands.active(scope, ends_at=clock.now() + HOUR)
    Reservation.objects.update(end_announced_at=clock.now())

    assert longer(scope, reservation, clock.now() + HOUR + MINUTE).end_announced_at == clock.now()
    assert longer(scope, reservation, clock.now() + 10 * DAY).end_announced_at is None
    assert not announce_end(actor=SYSTEM, reservation=reservation)


@pytest.mark.parametrize("act", [longer, earlier])
@pytest.mark.parametrize("state", sorted(set(R) - {R.SCHEDULED, R.PROVISIONING, R.ACTIVE}))
def test_only_what_is_confirmed_and_not_over_gets_another_end(act, state):
    scope = factories.buyer()
    reservation = bare_reservation(state, project=scope.project)
    by = HOUR if act is longer else -MINUTE

    assert refused(StateConflict, act, scope, reservation, reservation.span.end + by).extra == {"state": state}


@pytest.mark.parametrize("act", [longer, earlier])
def test_what_should_be_over_gets_no_other_end(act, noon):
    scope = factories.buyer()
    factories.server()
    reservation = hands.active(scope, ends_at=clock.now() + HOUR)
    noon.shift(HOUR)

    refused(StateConflict, act, scope, reservation, clock.now() + HOUR)


@pytest.mark.parametrize("act,verb", [(longer, Verb.RESERVE), (earlier, Verb.RELEASE)])
@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_change_an_end(act, verb, role):
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)
    end = reservation.span.end + (HOUR if act is longer else -HOUR)
    other = Scope(scope.actor, scope.project, role)

    if verb in MAY[role]:
        assert act(other, reservation, end).span.end == end
    else:
        refused(Forbidden, act, other, reservation, end)


@pytest.mark.parametrize("act", [longer, earlier, look_at_extension, look_at_shortening])
def test_another_projects_reservation_is_not_there(act):
    factories.server()
    reservation = later(factories.buyer())

    for who in (factories.scope(in_project=factories.project(reservation.organization)), factories.scope()):
        refused(NotFound, act, who, reservation, reservation.span.end + HOUR)


def test_an_earlier_end_frees_the_time_after_it_at_once():
    scope = factories.buyer()
    factories.servers(2)
    reservation = later(scope, count=2)
    start, end = reservation.span.start, reservation.span.end
    demand = Demand(reservation.server_type, reservation.region, 2, Period(end - 11 * HOUR, end))
    assert free_count(demand) == 0

    seen = look_at_shortening(scope, reservation, end - 12 * HOUR)
    made = earlier(scope, reservation, end - 12 * HOUR)

    assert seen == Shortening(usd(0), usd(480), usd(480)), "without terms it is free"
    made.refresh_from_db()
    assert (made.span, made.price, made.cancellation_fee) == (Period(start, end - 12 * HOUR), Decimal(480), 0)
    assert lines(made) == [("8 x H100 in eu-north-1", "16 GPU x 12 h x 2.50", "480.00")]
    assert kept(made) == [(start - 20 * MINUTE, end - 12 * HOUR, end - 12 * HOUR + CLEANUP)] * 2
    assert free_count(demand) == 2
    assert events_of(made.public_id).last().message == (
        "The reservation now ends at 2031-03-06T00:00:00Z; its price is USD 480.00 less."
    )


@pytest.mark.parametrize(
    "days,percent,fee", [(10, 0, "0.00"), (7, 0, "0.00"), (6, 25, "120.00"), (1, 25, "120.00"), (0, 100, "480.00")]
)
def test_what_is_called_off_costs_by_the_notice_of_its_own_start(days, percent, fee):
    """Of two servers for two days, the second day is called off: 960 for both days and servers, half of it removed."""
    scope = factories.buyer()
    factories.server()
    start = clock.now() + (days - 1) * DAY + HOUR
    reservation = with_terms(later(scope, starts_at=max(start, clock.now()), ends_at=start + 2 * DAY))
    second = start + DAY - HOUR if days else clock.now() + HOUR
    worth = (reservation.span.end - second) / HOUR * 20
    asked = look_at_shortening(scope, reservation, second)

    made = earlier(scope, reservation, second)

    expected = Decimal(str(worth)) * percent / 100
    assert asked.fee == usd(expected)
    assert asked.total.amount + asked.saved.amount == reservation.price
    assert (made.price, made.cancellation_fee) == (asked.total.amount, asked.fee.amount)
    assert made.price == sum(Decimal(line["amount"]["amount"]) for line in made.price_lines)


def test_the_fee_is_a_line_of_the_price():
    scope = factories.buyer()
    factories.server()
    reservation = with_terms(later(scope, ends_at=clock.now() + 3 * DAY))

    made = earlier(scope, reservation, clock.now() + 2 * DAY)

    assert lines(made) == [
        ("8 x H100 in eu-north-1", "8 GPU x 24 h x 2.50", "480.00"),
        ("Given back from 2031-03-06T12:00:00Z", "25 % of USD 480.00", "120.00"),
    ]
    assert (made.price, made.cancellation_fee) == (Decimal(600), Decimal(120))


def test_longer_and_back_is_as_before_but_for_what_was_agreed_for_calling_off():
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)
    end, price, was = reservation.span.end, reservation.price, kept(reservation)
    rate("7.77")

    longer(scope, reservation, end + 7 * HOUR)
    made = earlier(scope, reservation, end)

    assert (made.span.end, made.price, kept(made)) == (end, price, was)
    assert lines(made) == [("8 x H100 in eu-north-1", "8 GPU x 24 h x 2.50", "480.00")]


@pytest.mark.parametrize(
    "by,code", [(timedelta(0), "not_before_end"), (HOUR, "not_before_end"), (-DAY + 59 * MINUTE, "too_short")]
)
def test_an_end_that_is_not_earlier_or_leaves_too_little_is_refused(by, code):
    scope = factories.buyer()
    factories.server()
    reservation = later(scope)

    for act in (look_at_shortening, earlier):
        error = refused(InvalidInput, act, scope, reservation, reservation.span.end + by)
        assert [(item.field, item.code) for item in error.errors] == [("ends_at", code)]


def test_an_active_one_ends_five_minutes_from_now_at_the_soonest(noon):
    scope = factories.buyer()
    factories.server()
    reservation = hands.active(scope)
    Reservation.objects.update(end_announced_at=clock.now())
    soonest = clock.now() + 5 * MINUTE

    error = refused(InvalidInput, earlier, scope, reservation, soonest - timedelta(seconds=1))
    made = earlier(scope, reservation, soonest)

    assert [(item.field, item.code) for item in error.errors] == [("ends_at", "too_soon")]
    assert made.end_announced_at is None
    noon.move_to(soonest)
    assert end_due(actor=SYSTEM, reservation=made).state == R.ENDING
