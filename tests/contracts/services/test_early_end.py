"""An early end of a contract whose servers are in use takes two people; of what is not in use one."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.contracts.services.amending import amend_contract
from portal.contracts.services.ending import ask_to_terminate, move_on, terminate_contract
from portal.contracts.services.quoting import quote_contract
from portal.contracts.services.sending import send_contract
from portal.core import clock
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.reservations.models import Reservation
from portal.tenancy.staff import StaffRole
from provisioning import tasks
from tests import factories, staff
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    made = builders.stage(servers=0)
    factories.servers(3)
    return made


@pytest.fixture
def running(scope):
    """Return a contract whose servers were handed over a minute after its start, where the clock stands."""
    contract = builders.active(scope, clauses={"early_end_percent": Decimal(50)})
    with time_machine.travel(contract.span.start + timedelta(minutes=1), tick=False):
        tasks.start_due()
        assert staff.hand_over(Reservation.objects.get()).state == "active"
        yield contract


def ask(contract, at):
    return ask_to_terminate(actor=author_of(contract), contract=contract, at=at, reason="budget cut")


@pytest.mark.parametrize("days", [0, 10])
def test_what_is_in_use_ends_when_somebody_else_agrees(running, days):
    at, lead = clock.now() + days * DAY, staff.person(StaffRole.SALES_LEAD)
    with pytest.raises(StateConflict, match="somebody else has to agree"):
        terminate_contract(actor=author_of(running), contract=running, at=at, reason="budget cut")
    approval = ask(running, at)
    with pytest.raises(Forbidden):
        decide(actor=author_of(running), approval=approval, approve=True)
    running.refresh_from_db()
    assert (running.ends_early_at, Reservation.objects.get().state) == (None, "active")

    decide(actor=lead.as_actor(), approval=approval, approve=True)
    running.refresh_from_db()
    reservation = Reservation.objects.get()
    assert running.ends_early_at == at
    assert running.early_end_reason == "budget cut"
    if days:
        assert (running.state, reservation.state, reservation.span.end) == ("active", "active", at)
    else:
        assert (running.state, reservation.state) == ("terminated", "ending")


def test_what_was_asked_for_an_instant_that_has_passed_is_done_at_once(running):
    approval = ask(running, clock.now() + timedelta(hours=1))
    with time_machine.travel(clock.now() + DAY, tick=False):
        decide(actor=staff.person(StaffRole.SALES_LEAD).as_actor(), approval=approval, approve=True)
        running.refresh_from_db()
        assert (running.state, running.ends_early_at) == ("terminated", clock.now())


def test_a_rejected_end_leaves_all_as_it_is(running):
    approval = ask(running, clock.now())
    with pytest.raises(StateConflict, match="waits for a decision already"):
        ask(running, clock.now() + DAY)
    decide(actor=staff.person(StaffRole.SALES_LEAD).as_actor(), approval=approval, approve=False, comment="no")

    running.refresh_from_db()
    assert (running.state, running.ends_early_at, Reservation.objects.get().state) == ("active", None, "active")


def test_the_button_asks_where_servers_are_in_use(running):
    client = staff.browser(StaffRole.SALES)
    said = {**staff.chosen(running), "at": f"{clock.now() + 5 * DAY:%Y-%m-%dT%H:%M}", "reason": "budget cut"}
    reply = client.post(staff.act_of(running, "terminate"), said)

    assert reply.url == staff.page_of(Approval.objects.get())
    assert "waits for somebody else" in client.get(staff.page_of(running)).content.decode()
    running.refresh_from_db()
    assert running.ends_early_at is None


def test_what_is_not_in_use_needs_nobody_else(scope):
    contract = builders.active(scope)
    with pytest.raises(StateConflict, match="nobody else"):
        ask(contract, clock.now())


@pytest.mark.parametrize("state", ["scheduled", "provisioning"])
def test_an_end_just_after_the_start_calls_off_what_is_not_handed_over(scope, state):
    contract = builders.active(scope)
    start = contract.span.start
    with time_machine.travel(start - timedelta(minutes=20 if state == "scheduled" else 5), tick=False):
        tasks.start_due()
        Reservation.objects.update(state=state)
        at = start + timedelta(minutes=30)
        terminate_contract(actor=author_of(contract), contract=contract, at=at, reason="never mind")

    assert Reservation.objects.get().state in ("cancelled", "ending", "ended")


def test_an_agreed_end_only_moves_nearer(scope):
    contract = builders.active(scope)
    start = contract.span.start
    terminate_contract(actor=author_of(contract), contract=contract, at=start + 30 * DAY, reason="budget cut")
    with pytest.raises(InvalidInput) as refusal:
        terminate_contract(actor=author_of(contract), contract=contract, at=start + 60 * DAY, reason="later")
    assert wrong(refusal) == {("at", "ends_before")}
    terminate_contract(actor=author_of(contract), contract=contract, at=start + 10 * DAY, reason="sooner")

    contract.refresh_from_db()
    assert contract.ends_early_at == Reservation.objects.get().span.end == start + 10 * DAY


def test_what_ends_early_has_no_later_version(scope):
    contract = builders.active(scope)
    actor = author_of(contract)
    after = quote_contract(actor=actor, contract=amend_contract(actor=actor, contract=contract))
    terminate_contract(actor=actor, contract=contract, at=contract.span.start + 30 * DAY, reason="budget cut")

    with pytest.raises(StateConflict, match="ends early"):
        send_contract(actor=actor, contract=after)
    with pytest.raises(StateConflict, match="ends early"):
        amend_contract(actor=actor, contract=contract)
    with time_machine.travel(contract.span.start + 30 * DAY, tick=False):
        assert move_on(contract=contract)
    after.refresh_from_db()
    assert (after.state, after.documents.count()) == ("quoted", 0)
