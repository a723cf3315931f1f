"""Staff sets what one person may commit an organization to."""

from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.tenancy.services import set_approval_limit
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def told():
    return [
        (event.target, event.scope, event.data)
        for event in AuditEvent.objects.filter(verb="organization.approval_limit_set")
    ]


def test_the_limit_is_set_shown_and_taken_away(sales):
    customer = factories.organization(currency="EUR")

    reply = sales.post(staff.act_of(customer, "approval"), {"limit": "250000.50"})

    customer.refresh_from_db()
    assert (reply.url, customer.approval_limit) == (staff.page_of(customer), Decimal("250000.50"))
    assert "EUR 250,000.50" in sales.get(staff.page_of(customer)).content.decode()
    assert sales.get(staff.act_of(customer, "approval")).context["form"]["limit"].value() == Decimal("250000.50")

    sales.post(staff.act_of(customer, "approval"), {"limit": ""})

    customer.refresh_from_db()
    assert customer.approval_limit is None
    # The newest comes first.
    assert told() == [
        (customer.public_id, customer.public_id, {"from": "250000.50", "to": None, "currency": "EUR"}),
        (customer.public_id, customer.public_id, {"from": None, "to": "250000.50", "currency": "EUR"}),
    ]


def test_the_same_limit_again_is_not_recorded():
    customer = factories.organization(approval_limit=Decimal(5))

    set_approval_limit(actor=SYSTEM, organization=customer, limit=Decimal("5.00"))

    assert told() == []


@pytest.mark.parametrize(
    ("currency", "limit"),
    [
        ("USD", "-0.01"),
        ("USD", "0.001"),
        ("JPY", "0.5"),
        ("USD", "NaN"),
        ("USD", "Infinity"),
        ("USD", "1000000000000.01"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(currency, limit):
    customer = factories.organization(currency=currency, approval_limit=Decimal(7))

    with pytest.raises(InvalidInput) as refused:
        set_approval_limit(actor=SYSTEM, organization=customer, limit=Decimal(limit))

    customer.refresh_from_db()
    assert ([error.field for error in refused.value.errors], customer.approval_limit) == (["limit"], Decimal(7))
    assert told() == []


def test_the_form_refuses_on_its_field(sales):
    customer = factories.organization(currency="JPY")

    reply = sales.post(staff.act_of(customer, "approval"), {"limit": "0.5"})

    customer.refresh_from_db()
    assert (reply.status_code, list(reply.context["form"].errors)) == (422, ["limit"])
    assert customer.approval_limit is None


def test_operations_may_not_set_it():
    customer = factories.organization()

    reply = staff.browser(StaffRole.OPERATIONS).post(staff.act_of(customer, "approval"), {"limit": "1"})

    customer.refresh_from_db()
    assert (reply.status_code, customer.approval_limit) == (403, None)
