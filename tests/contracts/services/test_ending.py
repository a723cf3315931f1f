"""Contracts end by the clock, or early; what they had reserved ends with them, at the price of an early end."""

from decimal import Decimal

import pytest
import time_machine

from portal.contracts.selectors import due_contracts
from portal.contracts.services.ending import move_on, terminate_contract
from portal.core import clock
from portal.core.errors import InvalidInput, StateConflict
from portal.reservations.models import Reservation
from provisioning.reconcile import move_contracts_on
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow, wrong

pytestmark = pytest.mark.django_db
HALF = {"early_end_percent": Decimal(50)}


@pytest.fixture
def scope():
    return builders.stage(servers=6)


def test_a_term_ends_by_itself(scope):
    contract = builders.active(scope)
    assert list(due_contracts()) == []
    with time_machine.travel(contract.span.end, tick=False):
        assert move_contracts_on() == 1
        assert move_contracts_on() == 0

    contract.refresh_from_db()
    assert contract.state == "expired"


def test_an_early_end_shortens_what_runs_and_calls_off_what_is_to_come(scope):
    contract = builders.active(scope, line(), line(count=1, starts_at=tomorrow() + 60 * DAY), clauses=HALF)
    at = tomorrow() + 30 * DAY
    terminate_contract(actor=author_of(contract), contract=contract, at=at, reason="budget cut")
    contract.refresh_from_db()
    first, second = Reservation.objects.order_by("pk")

    assert (contract.state, contract.ends_early_at, contract.early_end_reason) == ("active", at, "budget cut")
    # 16 GPUs x 720 h x 2.50, and half of the 1,440 h that are not used.
    assert (first.span.end, first.price) == (at, Decimal("28800.00") + Decimal("28800.00"))
    assert (second.state, second.total.amount) == ("cancelled", Decimal("7200.00"))
    with time_machine.travel(at, tick=False):
        assert move_on(contract=contract)
    contract.refresh_from_db()
    assert (contract.state, contract.state_reason) == ("terminated", "budget cut")


def test_an_end_now_calls_off_all(scope):
    contract = builders.active(scope, clauses=HALF)
    terminate_contract(actor=author_of(contract), contract=contract, at=clock.now(), reason="never mind")
    contract.refresh_from_db()
    reservation = Reservation.objects.get()

    assert (contract.state, reservation.state) == ("terminated", "cancelled")
    assert reservation.total.amount == Decimal("43200.00")


@pytest.mark.parametrize(
    ("days", "reason", "errors"),
    [
        (-2, "late", {("at", "in_the_past")}),
        (90, "over", {("at", "after_term")}),
        (1, " ", {("reason", "length")}),
        (-2, "", {("at", "in_the_past"), ("reason", "length")}),
    ],
)
def test_each_wrong_field_of_an_early_end_is_named(scope, days, reason, errors):
    contract = builders.active(scope)
    with pytest.raises(InvalidInput) as refusal:
        terminate_contract(actor=author_of(contract), contract=contract, at=tomorrow() + days * DAY, reason=reason)

    assert wrong(refusal) == errors
    contract.refresh_from_db()
    assert (contract.state, contract.ends_early_at, Reservation.objects.get().state) == ("active", None, "scheduled")


def test_only_what_is_in_force_is_ended_early(scope):
    contract = builders.signed(scope)
    with pytest.raises(StateConflict):
        terminate_contract(actor=author_of(contract), contract=contract, at=tomorrow(), reason="no")
