"""Staff and servers that customers hold: operations may switch and reinstall them, with a reason that is told."""

import pytest

from portal.core import clock
from portal.operations.models import Operation
from portal.operations.selectors import events_of
from portal.reservations.models import Allocation
from portal.tenancy.staff import StaffRole
from tests import factories, hands, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def held():
    factories.server()
    return hands.active().allocations.get()


def act(browser, held, name, **fields):
    return browser.post(staff.act_of(held.server, name), {**staff.REASON, **staff.chosen(held.server), **fields})


@pytest.mark.parametrize(
    "name, fields, kind",
    [
        ("power", {"kind": "reboot"}, "reboot"),
        ("reinstall", {}, "reinstall"),
        ("rescue", {}, "rescue"),
        ("leave_rescue", {}, "leave_rescue"),
    ],
)
def test_operations_have_it_done_and_the_customer_reads_why(held, name, fields, kind):
    browser, is_leaving = staff.browser(StaffRole.OPERATIONS), name == "leave_rescue"
    Allocation.objects.update(rescue_since=clock.now() if is_leaving else None)
    assert ("Leave rescue" in browser.get(staff.page_of(held.server)).content.decode()) == is_leaving

    reply = act(browser, held, name, **fields)

    assert reply.url == staff.page_of(held.server)
    assert Operation.objects.latest("pk").kind == kind
    told = events_of(held.reservation.public_id).last()
    assert (told.type, staff.REASON["reason"] in told.message) == ("server.asked_by_staff", True)


def test_sales_may_not(held):
    for name, fields in (("power", {"kind": "reboot"}), ("reinstall", {}), ("rescue", {}), ("leave_rescue", {})):
        assert act(staff.browser(StaffRole.SALES), held, name, **fields).status_code == 403
    assert set(Operation.objects.values_list("kind", flat=True)) == {"deploy"}


def test_a_power_action_that_does_not_exist_is_named(held):
    reply = act(staff.browser(StaffRole.OPERATIONS), held, "power", kind="release")

    assert "release is not one of the available choices" in reply.content.decode()
    assert set(Operation.objects.values_list("kind", flat=True)) == {"deploy"}


def test_a_server_that_nobody_holds_is_not_switched():
    free = factories.server()
    browser = staff.browser(StaffRole.OPERATIONS)

    browser.post(staff.act_of(free, "power"), {**staff.REASON, **staff.chosen(free), "kind": "power_on"})

    assert not Operation.objects.exists()
