"""Staff and requests for quota."""

import pytest

from portal.quotas.models import Quota, QuotaRequest
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


@pytest.fixture
def asked():
    """Return a request of an organization that may hold 4 servers and use 1000 GPU-hours."""
    scope = factories.scope()
    factories.quota(scope.organization, 4, gpu_hours_per_month=1000)
    return factories.quota_request(scope, 8)


def test_the_queue_leads_to_the_request_and_its_answer(sales, asked):
    listed = sales.get(f"{staff.list_of(QuotaRequest)}?state=pending").context["cl"].result_list
    page = sales.get(staff.page_of(asked)).content.decode()
    before = sales.get(staff.act_of(asked, "approve")).content.decode()

    assert list(listed) == [asked]
    assert "a second run" in page
    assert "Requests for quota" in sales.get("/admin/").content.decode()
    assert 'value="8"' in before
    assert 'value="1000"' in before
    assert "Asked: 8 servers, hours as they are. Now: 4 servers, 1000 GPU-hours a month." in before

    sales.post(staff.act_of(asked, "approve"), {"limit": "6", "gpu_hours_per_month": "", "reason": ""})

    asked.refresh_from_db()
    quota = Quota.objects.get()
    assert (asked.state, asked.granted_limit, asked.granted_gpu_hours_per_month) == ("approved", 6, None)
    assert (quota.limit, quota.gpu_hours_per_month) == (6, None)
    assert "Approve" not in [button["title"] for button in buttons(sales, asked)]


def buttons(client, row):
    return client.get(staff.page_of(row)).context["actions_detail"]


def test_declining_needs_a_reason(sales, asked):
    with nothing_changes():
        assert sales.post(staff.act_of(asked, "decline"), {"reason": ""}).status_code == 422

    sales.post(staff.act_of(asked, "decline"), {"reason": "no capacity"})

    asked.refresh_from_db()
    assert (asked.state, asked.state_reason) == ("declined", "no capacity")
    assert Quota.objects.get().limit == 4


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"limit": "3"}, "limit"), ({"limit": "8", "gpu_hours_per_month": "9"}, "gpu_hours_per_month")],
)
def test_less_than_now_is_refused_on_its_field(sales, asked, fields, wrong):
    with nothing_changes():
        reply = sales.post(staff.act_of(asked, "approve"), fields)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == [wrong]


def test_who_belongs_to_the_customer_may_not_approve(sales, asked):
    factories.Membership.objects.create(user=sales.person, organization=asked.organization, role="viewer")

    with nothing_changes():
        reply = sales.post(staff.act_of(asked, "approve"), {"limit": "8"})

    assert reply.status_code == 403
    assert "somebody else must decide" in reply.content.decode()


@pytest.mark.parametrize("act", ["approve", "decline"])
def test_operations_may_neither_see_nor_answer(asked, act):
    operations = staff.browser(StaffRole.OPERATIONS)

    with nothing_changes():
        replies = [
            operations.get(staff.page_of(asked)),
            operations.post(staff.act_of(asked, act), {"limit": "8", "reason": "x"}),
        ]

    assert [reply.status_code for reply in replies] == [403, 403]


def test_a_limit_of_a_project_is_set_on_the_customers_page_and_changed(sales):
    project, foreign = factories.project(), factories.project()
    kind, region = factories.server_type(), factories.region()
    fields = {
        "project": project.pk,
        "server_type": kind.pk,
        "region": region.pk,
        "limit": "2",
        "gpu_hours_per_month": "900",
    }

    with nothing_changes():
        wrong = sales.post(staff.act_of(project.organization, "quota"), fields | {"project": foreign.pk})
        also = sales.post(staff.acts_of(Quota, "set"), fields | {"organization": foreign.organization.pk})
    assert [list(reply.context["form"].errors) for reply in (wrong, also)] == [["project"], ["project"]]

    sales.post(staff.act_of(project.organization, "quota"), fields)
    quota = Quota.objects.get()
    assert (quota.project, quota.limit, quota.gpu_hours_per_month) == (project, 2, 900)
    assert project.name in sales.get(staff.list_of(Quota)).content.decode()

    sales.post(staff.act_of(quota, "change"), {"limit": "1", "gpu_hours_per_month": "800"})
    assert list(Quota.objects.values_list("project", "limit", "gpu_hours_per_month")) == [(project.pk, 1, 800)]
