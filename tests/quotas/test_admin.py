"""Staff and limits."""

import pytest

from portal.approvals.models import Approval
from portal.audit.models import AuditEvent
from portal.quotas.intents import change_limit
from portal.quotas.models import Quota
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def approve(approval, other=None):
    """Let somebody else approve it in the queue: the sales lead, unless somebody is named."""
    client = other or staff.browser(StaffRole.SALES_LEAD)
    return client.post(staff.act_of(approval, "approve"), {"comment": ""})


def test_a_first_limit_is_asked_for_on_the_customers_page_and_set_by_somebody_else(sales):
    customer, kind, region = factories.organization(), factories.server_type(), factories.region()
    fields = {"server_type": kind.pk, "region": region.pk, "limit": "12", "reason": "they signed"}

    reply = sales.post(staff.act_of(customer, "quota"), fields)

    asked, quota = Approval.objects.get(), Quota.objects.get()
    assert reply.url == staff.page_of(asked)
    assert (asked.subject, asked.requested_by, asked.reason) == (quota.public_id, sales.person, "they signed")
    assert (quota.organization, quota.server_type, quota.region, quota.limit) == (customer, kind, region, 0)
    assert "it waits for a decision, and nothing is changed yet" in staff.told(sales)[0]

    approve(asked)

    quota.refresh_from_db()
    event = AuditEvent.objects.filter(verb="quota.set").first()
    asked.refresh_from_db()
    assert (quota.limit, asked.state) == (12, "approved")
    assert (event.actor_id, event.scope) == (asked.decided_by.public_id, customer.public_id)


def test_a_limit_is_lowered_at_once_and_raised_by_two(sales):
    quota = factories.quota(factories.organization(), limit=3)

    assert 'value="3"' in sales.get(staff.act_of(quota, "change")).content.decode()
    reply = sales.post(staff.act_of(quota, "change"), {"limit": "2"})
    quota.refresh_from_db()
    assert (reply.url, quota.limit, Approval.objects.count()) == (staff.page_of(quota), 2, 0)

    with nothing_changes():
        assert list(sales.post(staff.act_of(quota, "change"), {"limit": "4"}).context["form"].errors) == ["reason"]
    sales.post(staff.act_of(quota, "change"), {"limit": "4", "reason": "they grow"})
    with nothing_changes():
        again = sales.post(staff.act_of(quota, "change"), {"limit": "5", "reason": "they grow"})
        own = sales.post(staff.act_of(Approval.objects.get(), "approve"), {"comment": ""})
    assert (again.status_code, own.status_code) == (409, 403)
    approve(Approval.objects.get(), staff.browser(StaffRole.SALES))

    quota.refresh_from_db()
    assert quota.limit == 4


@pytest.mark.parametrize(
    ("present", "hours", "asks"),
    [((4, None), 900, False), ((4, 900), None, True), ((4, 900), 901, True), ((4, 900), 800, False)],
)
def test_more_hours_are_more_too(sales, present, hours, asks):
    quota = factories.quota(factories.organization(), limit=present[0], gpu_hours_per_month=present[1])

    change_limit(
        actor=sales.person.as_actor(),
        organization=quota.organization,
        server_type=quota.server_type,
        region=quota.region,
        limit=4,
        gpu_hours_per_month=hours,
        reason="x",
    )

    assert Approval.objects.exists() == asks
    assert (Quota.objects.get().gpu_hours_per_month == hours) != asks


def test_what_was_raised_further_meanwhile_is_not_lowered_by_an_approval(sales):
    quota = factories.quota(factories.organization(), limit=3)
    sales.post(staff.act_of(quota, "change"), {"limit": "4", "reason": "they grow"})
    Quota.objects.update(limit=9)
    administrator = staff.browser()

    with nothing_changes():
        reply = approve(Approval.objects.get(), administrator)

    assert (reply.status_code, "9 servers are allowed already" in reply.content.decode()) == (422, True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": "-1"}, "limit"),
        ({"limit": "100001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"region": "0"}, "region"),
    ],
)
def test_a_wrong_value_is_refused_on_its_field(sales, wrong, field):
    customer = factories.organization()
    right = {"server_type": factories.server_type().pk, "region": factories.region().pk, "limit": "1"}

    reply = sales.post(staff.act_of(customer, "quota"), right | wrong)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == [field]
    assert Quota.objects.count() == 0


def test_operations_may_not_set_limits(sales):
    quota = factories.quota(factories.organization(), limit=3)
    operations = staff.browser(StaffRole.OPERATIONS)

    reply = operations.post(staff.act_of(quota, "change"), {"limit": "9"})

    quota.refresh_from_db()
    assert (reply.status_code, quota.limit) == (403, 3)


def test_several_limits_are_changed_at_once(sales):
    first, second = (factories.quota(factories.organization(), limit=3) for _ in range(2))

    sales.post(staff.acts_of(Quota, "change"), {"limit": "1"} | staff.chosen(first, second))

    assert set(Quota.objects.values_list("limit", flat=True)) == {1}
