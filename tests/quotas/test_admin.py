"""Staff and limits."""

import pytest

from portal.audit.models import AuditEvent
from portal.quotas.models import Quota
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def test_a_limit_is_set_on_the_customers_page(sales):
    customer, kind, region = factories.organization(), factories.server_type(), factories.region()
    fields = {"server_type": kind.pk, "region": region.pk, "limit": "12"}

    reply = sales.post(staff.act_of(customer, "quota"), fields)

    quota = Quota.objects.get()
    event = AuditEvent.objects.get(verb="quota.set")
    assert reply.url == staff.page_of(quota)
    assert (quota.organization, quota.server_type, quota.region, quota.limit) == (customer, kind, region, 12)
    assert (event.actor_id, event.scope) == (sales.person.public_id, customer.public_id)


def test_a_limit_is_set_on_the_list_and_changed_on_its_page(sales):
    customer, kind, region = factories.organization(), factories.server_type(), factories.region()
    fields = {"organization": customer.pk, "server_type": kind.pk, "region": region.pk, "limit": "2"}
    sales.post(staff.acts_of(Quota, "set"), fields)
    quota = Quota.objects.get(limit=2)

    assert 'value="2"' in sales.get(staff.act_of(quota, "change")).content.decode()
    sales.post(staff.act_of(quota, "change"), {"limit": "0"})

    quota.refresh_from_db()
    assert quota.limit == 0
    assert AuditEvent.objects.filter(verb="quota.set").count() == 2


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

    sales.post(staff.acts_of(Quota, "change"), {"limit": "5"} | staff.chosen(first, second))

    assert set(Quota.objects.values_list("limit", flat=True)) == {5}
