"""Offers: capacity is held until they run out, and who must agree is asked."""

from decimal import Decimal

import pytest
import time_machine

from portal.approvals.models import Approval
from portal.approvals.selectors import waiting_for
from portal.approvals.services import decide
from portal.contracts.models import ContractApproval, ContractHold
from portal.contracts.services.drafting import set_lines
from portal.contracts.services.ending import move_on
from portal.contracts.services.quoting import lose_contract, quote_contract, reopen_contract
from portal.core import clock
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.reservations.models import Allocation, Quote, Reservation
from portal.reservations.selectors import quotes_of
from portal.reservations.services.holds import expire_quote
from portal.reservations.services.quotes import accept
from portal.reservations.states import HOLDING
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage()


def held():
    return Allocation.objects.filter(state__in=HOLDING).count()


def test_an_offer_holds_its_servers_without_quota_until_it_runs_out(scope):
    contract = builders.quoted(scope, line(), line(count=2, starts_at=tomorrow() + 30 * DAY))

    assert (contract.state, contract.state_deadline_at) == ("quoted", contract.valid_until)
    assert held() == 4
    rows = Reservation.objects.order_by("pk")
    assert [(row.state, row.is_committed, row.price) for row in rows] == [
        ("held", True, Decimal("86400.00")),
        ("held", True, Decimal("57600.00")),
    ]
    assert {quote.expires_at for quote in Quote.objects.all()} == {contract.valid_until}


def test_what_is_held_for_a_contract_is_no_quote_of_the_customers(scope):
    builders.quoted(scope)
    quote = Quote.objects.get()

    assert list(quotes_of(scope)) == []
    with pytest.raises(StateConflict):
        accept(scope=scope, actor=scope.actor, quote=quote, particulars=factories.particulars(scope))
    assert Reservation.objects.get().state == "held"


def test_too_few_servers_name_the_row_and_nothing_is_held(scope):
    contract = builders.draft(scope, line(count=3), line(count=2))
    with pytest.raises(InvalidInput) as refusal:
        quote_contract(actor=author_of(contract), contract=contract)

    assert wrong(refusal) == {("lines.1.count", "insufficient_capacity")}
    assert refusal.value.extra["available"] == 1
    contract.refresh_from_db()
    assert (contract.state, held(), ContractHold.objects.count()) == ("draft", 0, 0)


def test_an_offer_runs_out_in_the_future_and_within_the_term(scope):
    contract = builders.draft(scope)
    for until, code in [(clock.now() - DAY, "in_the_past"), (contract.span.end, "after_term")]:
        with pytest.raises(InvalidInput) as refusal:
            quote_contract(actor=author_of(contract), contract=contract, valid_until=until)
        assert wrong(refusal) == {("valid_until", code)}


def test_a_line_whose_start_has_passed_meanwhile_is_named(scope):
    contract = builders.draft(scope)
    later = contract.span.start + DAY
    with time_machine.travel(later, tick=False), pytest.raises(InvalidInput) as refusal:
        quote_contract(actor=author_of(contract), contract=contract)

    assert wrong(refusal) == {("lines.0.starts_at", "in_the_past")}


def test_an_offer_that_runs_out_is_lost_and_its_servers_are_free(scope):
    contract = builders.quoted(scope)
    assert not move_on(contract=contract)
    with time_machine.travel(contract.valid_until, tick=False):
        assert expire_quote(actor=scope.actor, quote=Quote.objects.get())
        assert held() == 0
        assert move_on(contract=contract)
        assert not move_on(contract=contract)

    contract.refresh_from_db()
    assert (contract.state, contract.state_reason) == ("lost", "not signed in time")


def test_lost_and_reopened_offers_free_their_servers(scope):
    contract = builders.quoted(scope)
    reopen_contract(actor=author_of(contract), contract=contract, reason="other dates")
    contract.refresh_from_db()
    assert (contract.state, held(), contract.valid_until) == ("draft", 0, None)

    contract = quote_contract(actor=author_of(contract), contract=contract)
    assert held() == 2
    lose_contract(actor=author_of(contract), contract=contract, reason="went elsewhere")
    contract.refresh_from_db()
    assert (contract.state, held()) == ("lost", 0)


def cheap():
    return line(discount=Decimal(30), below_floor_reason="a launch customer")


def test_each_role_is_asked_and_with_the_last_the_offer_is_approved(scope):
    contract = builders.quoted(scope, cheap(), payment_days=60)
    asked = list(Approval.objects.order_by("pk"))
    assert [row.kind for row in asked] == ["contract_terms", "contract_payment"]

    lead = builders.seller(is_superuser=True)
    decide(actor=lead.as_actor(), approval=asked[0], approve=True, comment="")
    contract.refresh_from_db()
    assert contract.state == "quoted"
    decide(actor=lead.as_actor(), approval=asked[1], approve=True, comment="known customer")
    contract.refresh_from_db()
    assert (contract.state, contract.state_deadline_at) == ("approved", contract.valid_until)
    assert set(ContractApproval.objects.values_list("decided_by", flat=True)) == {lead.pk}


def test_the_author_does_not_approve_his_own(scope):
    author = builders.seller(is_superuser=True)
    contract = builders.quoted(scope, cheap(), author=author)
    with pytest.raises(Forbidden):
        decide(actor=author.as_actor(), approval=Approval.objects.get(), approve=True)

    contract.refresh_from_db()
    assert (contract.state, ContractApproval.objects.get().decided_by) == ("quoted", None)


def test_nor_where_a_colleague_asked_for_what_he_wrote(scope):
    author = builders.seller(is_superuser=True)
    contract = builders.draft(scope, cheap(), author=author)
    quote_contract(actor=builders.seller().as_actor(), contract=contract)
    with pytest.raises(Forbidden):
        decide(actor=author.as_actor(), approval=Approval.objects.get(), approve=True)

    contract.refresh_from_db()
    assert (contract.state, Approval.objects.get().state) == ("quoted", "pending")


def test_nor_who_wrote_it_anew_for_a_colleague(scope):
    author, lead = builders.seller(), staff.person(StaffRole.SALES_LEAD)
    contract = builders.draft(scope, author=author)
    set_lines(actor=lead.as_actor(), contract=contract, lines=[cheap()])
    quote_contract(actor=author.as_actor(), contract=contract)
    with pytest.raises(Forbidden, match="Who wrote a contract"):
        decide(actor=lead.as_actor(), approval=Approval.objects.get(), approve=True)

    assert waiting_for(lead).count() == 0
    assert Approval.objects.get().state == "pending"


def test_a_refused_offer_goes_back_to_its_author(scope):
    contract = builders.approve(builders.quoted(scope, cheap()), is_yes=False)

    assert (contract.state, contract.state_reason, held()) == ("draft", "rejected: too cheap", 0)
    assert ContractApproval.objects.get().is_void


def test_what_was_agreed_to_is_void_once_the_offer_is_written_anew(scope):
    contract = builders.approve(builders.quoted(scope, cheap()))
    assert contract.state == "approved"
    reopen_contract(actor=author_of(contract), contract=contract, reason="even cheaper")
    quote_contract(actor=author_of(contract), contract=contract)

    assert [row.state for row in Approval.objects.order_by("pk")] == ["approved", "pending"]
    assert list(ContractApproval.objects.values_list("is_void", flat=True)) == [True, False]
