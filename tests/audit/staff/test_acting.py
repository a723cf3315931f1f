"""An act of staff is done again where a deadlock is all that stops it; at last the form comes back as it was sent."""

import pytest

from portal.core.repeating import ATTEMPTS
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.deadlocks import in_the_way

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def test_an_act_that_meets_a_deadlock_is_done_again(sales):
    held = factories.hold()

    with in_the_way(held, 1):
        reply = sales.post(staff.act_of(held, "withdraw"), staff.REASON | staff.chosen(held))

    held.refresh_from_db()
    assert (reply.status_code, held.state) == (302, "withdrawn")


def test_an_act_that_meets_deadlocks_only_is_not_done_and_its_form_is_kept(sales):
    held = factories.hold()

    with in_the_way(held, ATTEMPTS):
        reply = sales.post(staff.act_of(held, "withdraw"), staff.REASON | staff.chosen(held))

    held.refresh_from_db()
    assert (reply.status_code, reply.headers["Retry-After"], held.state) == (503, "5", "open")
    assert "Nothing was done; send it again." in reply.content.decode()
    assert reply.context["form"]["reason"].value() == staff.REASON["reason"]


def test_of_several_only_the_one_in_the_way_is_not_done_and_that_is_said(sales):
    factories.servers(2)
    first, held, last = factories.hold(), factories.hold(), factories.quote()

    with in_the_way(held, ATTEMPTS):
        sales.post(staff.acts_of(type(held), "withdraw"), staff.REASON | staff.chosen(first, held, last))

    states = [type(held).objects.get(pk=row.pk).state for row in (first, held, last)]
    assert states == ["withdrawn", "open", "withdrawn"]
    told = staff.told(sales)
    assert "Withdraw: done for 2 of 3." in told
    assert any(line.endswith("Nothing was done; send it again.") for line in told)
