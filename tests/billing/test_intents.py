"""Credit that a person gives: one asks, another of finance agrees, and only then is anything granted."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.billing.intents import ask_for_credit
from portal.billing.models import CreditGrant, Entry
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.core.money import Money
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.billing.books import balances

pytestmark = pytest.mark.django_db
ASKED = {"label": "Slow network in May", "reference": "ticket 7", "reason": "promised on the phone"}
FORM = {"amount": "120.50", **ASKED}


@pytest.fixture
def customer():
    return factories.organization(name="Lumen Robotics")


def ask(customer, who=None, **kwargs):
    actor = (who or staff.person(StaffRole.SALES)).as_actor()
    fields = {"amount": Money(Decimal("120.50"), "USD"), **ASKED, **kwargs}
    return ask_for_credit(actor=actor, organization=customer, **fields)


def nothing_given():
    return not CreditGrant.objects.exists() and not Entry.objects.exists()


def test_it_is_granted_when_another_person_of_finance_agrees(customer):
    approval = ask(customer)
    assert nothing_given()

    decide(actor=staff.person(StaffRole.FINANCE).as_actor(), approval=approval, approve=True)

    grant = CreditGrant.objects.get()
    assert (grant.organization, grant.value, grant.label, grant.reference) == (
        customer,
        Money(Decimal("120.50"), "USD"),
        ASKED["label"],
        ASKED["reference"],
    )
    assert balances(customer) == {"receivable": Decimal("-120.50"), "credits": Decimal("120.50")}


@pytest.mark.parametrize("role", [StaffRole.SALES_LEAD, StaffRole.OPERATIONS, StaffRole.SUPPORT])
def test_nobody_but_finance_decides(customer, role):
    with pytest.raises(Forbidden):
        decide(actor=staff.person(role).as_actor(), approval=ask(customer), approve=True)
    assert nothing_given()


def test_finance_does_not_agree_with_itself(customer):
    finance = staff.person(StaffRole.FINANCE)
    approval = ask(customer, finance)
    with pytest.raises(Forbidden):
        decide(actor=finance.as_actor(), approval=approval, approve=True)
    assert nothing_given()
    approval.refresh_from_db()
    assert approval.state == "pending"


def test_what_cannot_be_granted_is_not_asked_for_or_leaves_the_question_open(customer):
    for wrong in ({"amount": Money(Decimal(0), "USD")}, {"label": " "}, {"reference": ""}):
        with pytest.raises(InvalidInput):
            ask(customer, **wrong)
    finance, other = staff.person(StaffRole.FINANCE).as_actor(), factories.organization()
    first, second = ask(customer), ask(other)
    decide(actor=finance, approval=first, approve=True)
    with pytest.raises(StateConflict, match="granted already"):
        decide(actor=finance, approval=second, approve=True)
    with pytest.raises(StateConflict, match="granted already"):
        ask(customer)

    second.refresh_from_db()
    assert (second.state, CreditGrant.objects.count()) == ("pending", 1)


def test_several_credits_may_wait_for_one_customer_and_each_once(customer):
    first, second = ask(customer), ask(customer, reference="ticket 8")
    with pytest.raises(StateConflict, match="ticket 7, waits for a decision"):
        ask(customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=second.pk).update(matter="ticket 9")
    finance = staff.person(StaffRole.FINANCE).as_actor()
    for approval in (second, first):
        decide(actor=finance, approval=approval, approve=True)

    assert set(CreditGrant.objects.values_list("reference", flat=True)) == {"ticket 7", "ticket 8"}


def test_sales_asks_at_the_customers_page_and_the_queue_says_how_much(customer):
    sales, finance = staff.browser(StaffRole.SALES), staff.browser(StaffRole.FINANCE)
    sales.post(staff.act_of(customer, "ask_credit"), FORM)

    approval = Approval.objects.get()
    assert (approval.kind, approval.subject, approval.reason) == ("credit", customer.public_id, ASKED["reason"])
    before = finance.get(staff.act_of(approval, "approve")).content.decode()
    assert "USD 120.50: Slow network in May" in before
    finance.post(staff.act_of(approval, "approve"), staff.chosen(approval))
    assert CreditGrant.objects.get().granted_by == finance.person.as_actor().label
    assert "Slow network in May" in finance.get(staff.page_of(customer)).content.decode()
