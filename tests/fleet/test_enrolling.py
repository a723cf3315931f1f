"""Entering new servers."""

import uuid

import pytest

from portal.core import secrets
from portal.fleet.models import BMC, Rack, Server
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes

pytestmark = pytest.mark.django_db
ENROL = staff.acts_of(Server, "enrol")


def wish(**changes):
    return {
        "name": "eun1-a-r01-u05",
        "server_type": factories.server_type().pk,
        "fabric": factories.fabric().pk,
        "rack": "r77",
        "rack_unit": 5,
        "serial": "SN77",
        "system_uuid": str(uuid.UUID(int=77)),
        "ssh_host": "10.0.77.5",
        "ssh_port": 22,
        "bmc_address": "https://10.1.77.5",
        "bmc_username": "root",
        "bmc_password": "calvin 7",
        "boot_method": "virtual_media",
        "macs": "02:4D:59:77:00:01\n02:4d:59:77:00:02",
        "drives": "D77, Model 1, 1000\n\nD78, Model 1, 1000",
        **staff.REASON,
        **changes,
    }


@pytest.fixture
def operations():
    return staff.browser(StaffRole.OPERATIONS)


def test_a_server_is_entered_with_what_an_inspection_needs_and_not_sold(operations):
    reply = operations.post(ENROL, wish())

    made = Server.objects.get()
    assert reply.url == staff.page_of(made)
    assert (made.state, made.region, made.rack) == ("enrolled", made.fabric.region, Rack.objects.get(name="r77"))
    assert secrets.decrypt(BMC.objects.get(server=made).password_encrypted) == "calvin 7"
    assert sorted(made.nics.values_list("mac", flat=True)) == ["02:4d:59:77:00:01", "02:4d:59:77:00:02"]
    assert sorted(made.drives.values_list("serial", "size_bytes")) == [("D77", 1000), ("D78", 1000)]
    page = operations.get(staff.page_of(made)).content.decode()
    assert ("Inspect" in page, "Erase anew" in page, "calvin" in page) == (True, False, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "A b"),
        ("rack_unit", "0"),
        ("rack_unit", "40000"),
        ("ssh_port", "65536"),
        ("serial", "a b"),
        ("bmc_address", "http://10.1.1.1"),
        ("bmc_address", "https://u@10.1.1.1"),
        ("system_uuid", "7"),
        ("macs", "02:4d:59"),
        ("macs", "02:4d:59:77:00:01 02:4d:59:77:00:01"),
        ("drives", ""),
        ("drives", "D77, Model 1"),
        ("drives", "D77, Model 1, 0"),
        ("drives", "D77, Model 1, 9999999999999999999"),
        ("drives", "D77, M, 1\nD77, M, 1"),
        ("boot_method", "floppy"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_entered(operations, field, value):
    given = wish(**{field: value})

    with nothing_changes():
        reply = operations.post(ENROL, given)

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in reply.content.decode() or field in reply.context["form"].errors


@pytest.mark.parametrize("field", ["name", "serial", "system_uuid", "ssh_host", "rack_unit", "macs", "drives"])
def test_what_another_server_has_is_named(operations, field):
    operations.post(ENROL, wish())
    other = {
        "name": "other",
        "serial": "SN78",
        "system_uuid": str(uuid.UUID(int=78)),
        "ssh_host": "10.0.77.6",
        "rack_unit": 6,
        "macs": "02:4d:59:77:00:03",
        "drives": "D79, Model 1, 1000",
    }
    del other[field]

    with nothing_changes():
        reply = operations.post(ENROL, wish(**other))

    assert (reply.status_code, list(reply.context["form"].errors)) == (422, [field])
    assert "eun1-a-r01-u05 has this already" in reply.content.decode()


def test_sales_enters_none():
    sales, given = staff.browser(StaffRole.SALES), wish()

    with nothing_changes():
        reply = sales.post(ENROL, given)

    assert reply.status_code == 403
