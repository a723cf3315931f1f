"""What a month comes to, held against what is meant to be spent."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core import mail
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.catalog.selectors import QuoteLine
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import BudgetExceeded, Forbidden, InvalidInput
from portal.core.money import Money
from portal.core.periods import Period
from portal.quotas.models import Budget, BudgetWarning
from portal.quotas.selectors import budgets_for
from portal.quotas.services.budgets import remove_budget, set_budget
from portal.reservations import budget_check
from portal.reservations.budget_check import budget_use, part_in
from portal.reservations.charges import Charge
from portal.reservations.models import Reservation
from portal.reservations.quota_check import months_of
from portal.reservations.services.budgets import warn
from portal.reservations.services.extend import extend
from portal.reservations.services.lifecycle import cancel
from portal.reservations.services.quotes import accept
from portal.reservations.services.transfer import transfer
from portal.tenancy.roles import Role
from tests import factories
from tests.api.world import nothing_changes
from tests.billing.books import refused as refused_sql
from tests.racing import PATIENCE_S, kinds, race

DAY = timedelta(days=1)
LAST_DAY = datetime(2031, 3, 31, tzinfo=UTC)
"""One server costs USD 480 a day."""
RACERS = 12


@pytest.fixture
def scope(db, noon):
    factories.servers(4)
    return factories.buyer()


def booked(scope):
    return [use.booked.amount for use in budget_use(budgets_for(scope.project))]


@given(
    cents=st.integers(1, 10**9),
    hours=st.integers(1, 24 * 200),
    minute=st.integers(0, 600_000),
    fee=st.integers(0, 10**6),
)
@settings(max_examples=50, deadline=None)
def test_the_months_of_a_price_add_up_to_it(cents, hours, minute, fee):
    start = datetime(2031, 1, 30, tzinfo=UTC) + timedelta(minutes=minute)
    span = Period(start, start + timedelta(hours=hours))
    amounts = [Money(Decimal(each).scaleb(-2), "USD") for each in (cents, fee)]
    timed = Charge(QuoteLine("time", "", amounts[0]), 1, Decimal(1), span)
    charges = [timed, Charge(QuoteLine("fee", "", amounts[1]), at=start - DAY)]

    parts = [part_in(charges, span, month) for month in months_of(span)]

    assert sum(parts) == Fraction(amounts[0].amount + amounts[1].amount)
    assert all(part >= 0 for part in parts)


def test_what_would_go_beyond_a_month_is_refused(scope):
    factories.budget(scope, "480.00", stops=True)

    first = factories.reservation(scope)
    quoted = factories.quote(scope)
    wish = factories.particulars(scope)
    with nothing_changes(), pytest.raises(BudgetExceeded) as refused:
        factories.reservation(scope, image=wish.image)

    assert refused.value.extra == {
        "limit": {"amount": "480.00", "currency": "USD"},
        "booked": {"amount": "480.00", "currency": "USD"},
        "requested": {"amount": "480.00", "currency": "USD"},
        "scope": "organization",
        "month": "2031-03",
    }
    assert "raise the budget" in refused.value.detail
    with nothing_changes(), pytest.raises(BudgetExceeded):
        extend(scope=scope, actor=scope.actor, reservation=first, ends_at=first.span.end + DAY)
    with nothing_changes(), pytest.raises(BudgetExceeded):
        factories.quote(scope, hold=True)
    with nothing_changes(), pytest.raises(BudgetExceeded):
        accept(scope=scope, actor=scope.actor, quote=quoted, particulars=wish)


def test_each_month_has_its_own(scope):
    factories.budget(scope, "480.00", stops=True)
    factories.reservation(scope)

    factories.reservation(scope, starts_at=LAST_DAY + DAY, ends_at=LAST_DAY + 2 * DAY)
    with pytest.raises(BudgetExceeded) as refused:
        factories.reservation(scope, starts_at=LAST_DAY, ends_at=LAST_DAY + 2 * DAY)

    assert refused.value.extra["month"] == "2031-03"


def test_a_hold_counts_and_is_accepted_without_counting_twice(scope):
    factories.budget(scope, "480.00", stops=True)
    held = factories.quote(scope, hold=True)

    with pytest.raises(BudgetExceeded):
        factories.reservation(scope)

    assert accept(scope=scope, actor=scope.actor, quote=held, particulars=factories.particulars(scope)).pk


def test_one_that_only_warns_refuses_nothing(scope):
    factories.budget(scope, "1.00")

    assert factories.reservation(scope).pk
    assert booked(scope) == [Decimal(480)]


def test_a_projects_own_budget_counts_only_it(scope):
    other = factories.project(scope.organization)
    there = factories.scope(in_project=other)
    factories.budget(scope, "480.00", stops=True, applies_to="project")
    factories.budget(scope, "960.00", stops=True)
    made = factories.reservation(there, ssh_keys=[factories.ssh_key(other)])
    factories.reservation(scope)

    assert booked(scope) == [Decimal(480), Decimal(960)]
    with nothing_changes(), pytest.raises(BudgetExceeded) as refused:
        transfer(scope=there, actor=there.actor, reservation=made, to=scope.project)
    assert refused.value.extra["scope"] == "project"


def test_what_is_called_off_counts_with_its_fee(scope):
    factories.budget(scope)
    made = factories.reservation(scope)
    Reservation.objects.update(cancellation_terms=[{"notice_hours": 0, "percent": "50"}])

    cancelled = cancel(scope=scope, actor=scope.actor, reservation=made)

    assert cancelled.total.amount == 240
    assert booked(scope) == [240]


def test_another_currency_is_not_counted(scope):
    factories.budget(scope, "1.00", stops=True)
    Budget.objects.update(currency="EUR")

    assert factories.reservation(scope).pk
    assert booked(scope) == [0]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "1000000000.01"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"warn_at": [0]}, "warn_at"),
        ({"warn_at": [201]}, "warn_at"),
        ({"warn_at": [1, 2, 3, 4, 5, 6]}, "warn_at"),
        ({"applies_to": "world"}, "applies_to"),
    ],
)
def test_what_is_no_budget_is_named(scope, fields, field):
    with nothing_changes(), pytest.raises(InvalidInput) as refused:
        factories.budget(scope, **fields)

    assert [error.field for error in refused.value.errors] == [field]


def test_billing_sets_it_and_an_operator_does_not(scope):
    clerk, operator = (factories.scope(role, scope.project) for role in (Role.BILLING, Role.OPERATOR))
    made = factories.budget(clerk, "5.00", warn_at=[80, 50, 80])

    assert factories.budget(clerk, "6.00", warn_at=[50]) == made
    assert Budget.objects.get().amount == 6
    with nothing_changes(), pytest.raises(Forbidden):
        set_budget(scope=operator, actor=operator.actor, amount=Decimal(7))
    with nothing_changes(), pytest.raises(Forbidden):
        remove_budget(scope=operator, actor=operator.actor, budget=made)
    remove_budget(scope=clerk, actor=clerk.actor, budget=made)
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    "change", ["amount = 0", "currency = 'XXX'", "warn_at = '{0}'", "warn_at = '{201}'", "project_id = %s"]
)
def test_the_database_refuses_what_is_no_budget(scope, change):
    factories.budget(scope)
    assert refused_sql(f"UPDATE quotas_budget SET {change}".replace("%s", str(factories.project().pk)))  # noqa: S608


def test_each_percent_is_told_once_a_month(scope, noon, django_capture_on_commit_callbacks):
    clerk = factories.scope(Role.BILLING, scope.project)
    factories.scope(Role.OPERATOR, scope.project)
    factories.budget(clerk, "1000.00", warn_at=[40, 50, 90])

    def sent():
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            warn(actor=SYSTEM, budget=Budget.objects.get())
        return [message.subject.split(" of ")[0] for message in mail.outbox]

    assert sent() == []
    factories.reservation(scope)
    assert sent() == ["40 %"]
    assert sorted(mail.outbox[0].to) == sorted([scope.actor.label, clerk.actor.label])
    assert "USD 480.00 are booked" in mail.outbox[0].body
    assert sent() == []
    factories.reservation(scope)
    assert sent() == ["90 %"]
    assert sent() == []
    factories.reservation(scope, starts_at=LAST_DAY + DAY, ends_at=LAST_DAY + 2 * DAY)
    noon.move_to(LAST_DAY + timedelta(hours=1, days=1))
    assert sent() == ["40 %"]
    assert BudgetWarning.objects.count() == 4


@pytest.fixture
def crowd(transactional_db):
    """Return an act of the race: two kinds of servers are booked by turns, for a budget that allows one of them."""
    scope = factories.buyer()
    kinds_of = [factories.server_type(), factories.server_type("b200x8")]
    for kind in kinds_of:
        factories.servers(RACERS, of_type=kind)
    factories.price(kinds_of[1])
    factories.quota(scope.organization, 64, kinds_of[1])
    factories.budget(scope, "481.00", stops=True)

    image, start = factories.image(), clock.now().replace(day=1, hour=0) + 40 * DAY

    def book(number):
        wish = {"server_type": kinds_of[number % 2], "image": image, "starts_at": start, "ends_at": start + DAY}
        return factories.reservation(scope, name=f"racer-{number}", **wish)

    return book


@pytest.mark.xdist_group("fifty at once")
def test_the_last_of_a_budget_is_given_to_one(crowd):
    outcomes = race(RACERS, crowd)

    assert kinds(outcomes) == {Reservation: 1, BudgetExceeded: RACERS - 1}
    assert Reservation.objects.count() == 1


@pytest.mark.xdist_group("fifty at once")
def test_control_without_the_lock_two_kinds_of_servers_get_it(crowd, monkeypatch):
    looked, real = threading.Barrier(2), budget_check.booked_in

    def booked_in(budget, months):
        found = real(budget, months)
        looked.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(budget_check, "budgets_for", lambda project, lock: budgets_for(project))
    monkeypatch.setattr(budget_check, "booked_in", booked_in)
    outcomes = race(2, crowd)

    assert kinds(outcomes) == {Reservation: 2}
