"""What staff see of a customer's console: operations see it while it is the customer's, sales never do."""

import pytest

from portal.reservations.models import Allocation, ConsoleChunk
from portal.tenancy.staff import StaffRole
from tests import factories, hands, staff

pytestmark = pytest.mark.django_db
TEXT = "\x1b[31mkernel panic\x1b[0m <b>\n"


@pytest.fixture
def held():
    factories.server()
    made = hands.active().allocations.get()
    ConsoleChunk.objects.create(allocation=made, text=TEXT, size=len(TEXT))
    return made


def page(role, held):
    return staff.browser(role).get(staff.page_of(held.server)).content.decode()


def test_operations_see_it_on_the_servers_page_as_text(held):
    shown = page(StaffRole.OPERATIONS, held)

    assert "Serial console" in shown
    assert "kernel panic &lt;b&gt;" in shown


def test_sales_do_not(held):
    shown = page(StaffRole.SALES, held)

    assert "Network ports" in shown
    assert "Serial console" not in shown
    assert "kernel panic" not in shown


def test_nobody_sees_it_there_once_the_server_is_taken_back(held):
    Allocation.objects.update(state="cleaning")

    assert "kernel panic" not in page(staff.ADMINISTRATOR, held)
