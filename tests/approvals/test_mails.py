"""Who is told of what takes two people: those who may decide, and who asked."""

from datetime import timedelta

import pytest
from django.core import mail

from portal.approvals.services import decide, expire, request_approval, withdraw_own
from portal.core import clock
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.approvals import deeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    """Do something to its end; return (to whom, about what) for each mail."""

    def act(deed):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            deed()
        return [(tuple(sent.to), sent.subject) for sent in mail.outbox]

    return act


@pytest.fixture
def sales():
    return staff.person(StaffRole.SALES)


@pytest.fixture
def lead():
    return staff.person(StaffRole.SALES_LEAD)


def test_those_who_may_decide_are_told_and_who_asked_is_not(told, sales, lead):
    factories.user(is_staff=True, is_superuser=True)
    staff.person(StaffRole.SUPPORT)

    found = told(lambda: deeds.ask(sales.as_actor(), size=3))

    assert found == [((lead.email,), "To decide: Deed, 3 pieces")]
    assert f"{sales.email} asks for it: it is time" in mail.outbox[0].body
    assert "/admin/approvals/approval/" in mail.outbox[0].body


def test_administrators_are_told_where_nobody_else_may_decide(told, sales):
    chief = factories.user(is_staff=True, is_superuser=True)

    assert told(lambda: deeds.ask(sales.as_actor())) == [((chief.email,), "To decide: Deed, 0 pieces")]


def test_who_asked_reads_what_became_of_it(told, sales, lead):
    yes, no = deeds.ask(sales.as_actor(), "res_1"), deeds.ask(sales.as_actor(), "res_2")

    approved = told(lambda: decide(actor=lead.as_actor(), approval=yes, approve=True))
    rejected = told(lambda: decide(actor=lead.as_actor(), approval=no, approve=False, comment="too early"))

    assert approved == [((sales.email,), "Approved: Deed, 0 pieces")]
    assert rejected == [((sales.email,), "Rejected: Deed, 0 pieces")]
    assert "too early" in mail.outbox[0].body


def test_what_expires_is_told_and_what_one_takes_back_is_not(told, sales, time_machine):
    late, own = deeds.ask(sales.as_actor(), "res_1"), deeds.ask(sales.as_actor(), "res_2")

    assert told(lambda: withdraw_own(actor=sales.as_actor(), approval=own)) == []
    time_machine.move_to(clock.now() + timedelta(days=30))
    assert told(lambda: expire(approval=late)) == [((sales.email,), "Expired: Deed, 0 pieces")]


def test_customers_are_not_told_from_here(told, lead):
    owner = factories.scope(Role.OWNER)
    made = deeds.ask(owner.actor, organization=owner.organization)

    assert told(lambda: decide(actor=lead.as_actor(), approval=made, approve=True)) == []


def test_what_is_refused_tells_nobody(told, sales, lead):
    def ask():
        with pytest.raises(Exception, match="characters why"):
            request_approval(actor=sales.as_actor(), kind="deed", subject="res_1", data={}, reason=" ")

    assert told(ask) == []
