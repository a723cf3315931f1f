"""The queue of the staff: what waits, for whom, and who may decide."""

import pytest

from portal.approvals.models import Approval
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes
from tests.approvals import deeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


@pytest.fixture
def lead():
    return staff.browser(StaffRole.SALES_LEAD)


def listed(client, **parameters):
    return list(client.get(staff.list_of(Approval), parameters).context["cl"].result_list)


def buttons(client, row):
    return [button["title"] for button in client.get(staff.page_of(row)).context["actions_detail"]]


def test_the_queue_says_what_for_whom_how_much_by_whom_and_how_long(sales, lead):
    customer = factories.organization(name="Lumen Robotics")
    made = deeds.ask(sales.person.as_actor(), size=12, organization=customer)

    page = lead.get(staff.list_of(Approval)).content.decode()

    for words in ("Deed", "12 pieces", "Lumen Robotics", sales.person.email, "in 6 d", "pending"):
        assert words in page, words
    assert listed(lead, state="pending", kind="deed") == [made]
    assert listed(lead, state="approved") == []
    sooner = deeds.ask(subject="res_2")
    Approval.objects.filter(pk=sooner.pk).update(state_deadline_at=clock.now())
    assert listed(lead) == [sooner, made]


def test_a_second_person_approves_and_it_is_done(sales, lead):
    made = deeds.ask(sales.person.as_actor(), size=12)
    before = lead.get(staff.act_of(made, "approve")).content.decode()
    assert "Deed, 12 pieces." in before
    assert f"{sales.person.email} asked: it is time" in before

    reply = lead.post(staff.act_of(made, "approve"), {"comment": "go on"} | staff.chosen(made))

    made.refresh_from_db()
    assert (reply.url, made.state, made.decided_by) == (staff.page_of(made), "approved", lead.person)
    assert deeds.done().count() == 1
    page = lead.get(staff.page_of(made)).content.decode()
    assert ("go on" in page, lead.person.email in page) == (True, True)
    assert buttons(lead, made) == []


def test_who_asked_is_told_that_somebody_else_must_decide_and_may_withdraw(sales):
    made = deeds.ask(sales.person.as_actor())

    page = sales.get(staff.page_of(made)).content.decode()
    assert "You asked for this" in page
    assert "somebody else must decide" in page
    assert buttons(sales, made) == ["Withdraw"]
    with nothing_changes():
        replies = [sales.post(staff.act_of(made, act), {"comment": "x"}) for act in ("approve", "reject")]
    assert [reply.status_code for reply in replies] == [403, 403]
    assert "somebody else must decide" in replies[0].content.decode()

    sales.post(staff.act_of(made, "withdraw"))
    made.refresh_from_db()
    assert made.state == "withdrawn"


def test_a_rejection_needs_a_comment(sales, lead):
    made = deeds.ask(sales.person.as_actor())
    with nothing_changes():
        reply = lead.post(staff.act_of(made, "reject"), {"comment": " "})
    assert (reply.status_code, list(reply.context["form"].errors)) == (422, ["comment"])

    lead.post(staff.act_of(made, "reject"), {"comment": "not this month"})

    made.refresh_from_db()
    assert (made.state, made.comment, deeds.done().count()) == ("rejected", "not this month", 0)


def test_what_the_deed_refuses_is_shown_and_still_waits(lead):
    made = deeds.ask(refuses="The reservation is ended.")

    with nothing_changes():
        reply = lead.post(staff.act_of(made, "approve"), {"comment": ""})

    assert (reply.status_code, "The reservation is ended." in reply.content.decode()) == (409, True)
    assert buttons(lead, made) == ["Approve", "Reject"]


def test_each_role_sees_its_kinds_and_what_it_asked_for(sales):
    others = deeds.ask(SYSTEM, "res_1")
    operations, finance, support = (
        staff.browser(role) for role in (StaffRole.OPERATIONS, StaffRole.FINANCE, StaffRole.SUPPORT)
    )
    own = deeds.ask(operations.person.as_actor(), "res_2")

    assert (set(listed(sales)), listed(operations), listed(finance)) == ({own, others}, [own], [])
    assert operations.get(staff.page_of(others)).status_code == 302
    with nothing_changes():
        assert operations.post(staff.act_of(others, "approve"), {"comment": ""}).status_code == 404
        assert support.get(staff.list_of(Approval)).status_code == 403
    assert "You asked for this" in operations.get(staff.page_of(own)).content.decode()


def test_the_first_page_and_the_sidebar_count_what_waits(sales, lead):
    deeds.ask(sales.person.as_actor(), "res_1")
    deeds.ask(SYSTEM, "res_2")

    def counted(client):
        reply = client.get("/admin/")
        tiles = [tile.count for title, tiles in reply.context["groups"] for tile in tiles if title == "Decisions"]
        items = [item for group in reply.context["sidebar_navigation"] for item in group["items"]]
        return tiles, [item.get("badge") for item in items if item["title"] == "Approvals"]

    assert counted(sales) == ([2], [1])
    assert counted(lead) == ([2], [2])
    assert counted(staff.browser(StaffRole.FINANCE)) == ([0], [None])


def test_a_kind_that_is_no_longer_there_is_still_shown(lead, monkeypatch):
    administrator, made = staff.browser(), deeds.ask()
    monkeypatch.setattr("portal.approvals.kinds._KINDS", {})

    page = administrator.get(staff.page_of(made)).content.decode()

    assert "there is no such kind" in page
    assert (listed(administrator), buttons(administrator, made)) == ([made], [])
