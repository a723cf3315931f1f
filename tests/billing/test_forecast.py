"""The outlook of a month: what is used so far, what goes on, and what a contract makes owed at least."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.billing.selectors.forecast import outlook
from portal.core import clock
from portal.core.months import span_of
from portal.reservations.services.lifecycle import cancel
from tests import factories
from tests.billing.yard import FEBRUARY, JANUARY, MID_JANUARY, begun, clock_at, close, give_back
from tests.contracts import builders

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)
DAY_PRICE = Decimal("2.50") * 8 * 24


@pytest.fixture
def scope():
    with clock_at(MID_JANUARY - 2 * A_DAY):
        factories.servers(4)
        yield factories.buyer()


def looked(scope, month, at):
    with clock_at(at):
        return [
            (each.so_far.amount, each.by_its_end.amount, each.to_minimum.amount)
            for each in outlook(scope.organization, month, clock.now())
        ]


def test_what_goes_on_is_what_the_invoice_will_say(scope):
    reservation = begun(scope, MID_JANUARY, days=5)
    assert looked(scope, JANUARY, MID_JANUARY + A_DAY) == [(DAY_PRICE, 5 * DAY_PRICE, 0)]
    give_back(reservation, scope, MID_JANUARY + 2 * A_DAY)

    ((so_far, by_its_end, _),) = looked(scope, JANUARY, MID_JANUARY + 3 * A_DAY)
    (january,) = close(scope.organization, JANUARY)

    assert so_far == by_its_end == january.subtotal


def test_the_fee_of_what_was_called_off_for_another_month_is_of_the_month_in_which_it_was(scope):
    times = {"starts_at": MID_JANUARY + 30 * A_DAY, "ends_at": MID_JANUARY + 31 * A_DAY}
    reservation = factories.reservation(scope, **times)
    terms = [{"notice_hours": 0, "percent": "50"}]
    type(reservation).objects.filter(pk=reservation.pk).update(cancellation_terms=terms)
    with clock_at(MID_JANUARY):
        cancel(scope=scope, actor=scope.actor, reservation=reservation)

    assert looked(scope, JANUARY, MID_JANUARY + A_DAY) == [(DAY_PRICE / 2, DAY_PRICE / 2, 0)]
    assert looked(scope, FEBRUARY, MID_JANUARY + 20 * A_DAY) == []


def test_what_is_missing_to_a_minimum_is_in_the_month_in_which_its_time_is_over():
    term = {"starts_at": MID_JANUARY, "ends_at": span_of(FEBRUARY).start + A_DAY}
    with clock_at(MID_JANUARY - 15 * A_DAY):
        scope = builders.stage(servers=1)
        row = builders.line(count=1, **term)
        builders.active(scope, row, minimum_spend=Decimal(5000), **term)

    assert all(each[2] == 0 for each in looked(scope, JANUARY, MID_JANUARY + A_DAY))
    # Before January is closed nobody knows what it comes to.
    assert all(each[2] == 0 for each in looked(scope, FEBRUARY, span_of(FEBRUARY).start + timedelta(hours=2)))
    close(scope.organization, JANUARY)
    ((_, by_its_end, missing),) = looked(scope, FEBRUARY, span_of(FEBRUARY).start + timedelta(hours=3))
    (february,) = close(scope.organization, FEBRUARY)

    # The outlook counts on the last day; nothing was handed over, so the invoice asks for all of the minimum.
    assert (by_its_end, missing) == (february.subtotal, 5000 - DAY_PRICE)
