"""Comparing what was found with what is sold, and the bill that staff set."""

import copy

import pytest

from portal.core.actors import SYSTEM
from portal.fleet.inspections import GIB, differences_of, set_bill
from portal.fleet.models import NIC, BillOfMaterials, Inspection
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db
BILL = {"gpu_pci_ids": ["10de:2330"], "nic_count": 2, "nic_speed_mbps": 100, "drive_count": 1, "drive_bytes": 1000}


@pytest.fixture
def server():
    made = factories.server(serial="SN1")
    made.drives.update(serial="D1", size_bytes=1000)
    NIC.objects.create(server=made, mac="02:00:00:00:00:01")
    set_bill(actor=SYSTEM, server_type=made.server_type, **BILL)
    return made


@pytest.fixture
def inventory():
    return {
        "system": {"serial": "SN1", "product": "x", "uuid": ""},
        "cpu_count": 2,
        "memory_bytes": 2000 * GIB,
        "drives": [{"serial": "D1", "model": "x", "firmware": "x", "size_bytes": 1000}],
        "nics": [
            {"mac": f"02:00:00:00:00:0{number}", "name": "e", "driver": "e", "speed_mbps": 100} for number in (1, 2)
        ],
        "gpus": [{"pci": f"0{number}", "vendor": "10de", "device": "2330"} for number in range(8)],
        "firmware": {},
    }


def changed(inventory, path, value):
    found = copy.deepcopy(inventory)
    at = found
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return found


def test_what_is_as_sold_has_no_difference(server, inventory):
    assert differences_of(server, inventory) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("system", "serial"), "SN2", ["serial number: SN2 found, SN1 recorded"]),
        (("system", "serial"), "", ["serial number: none found, SN1 recorded"]),
        (("memory_bytes",), 1024 * GIB, ["memory: 1024 GB found, 2048 GB sold"]),
        (("gpus",), [], ["GPUs: 0 found, 8 sold"]),
        (("gpus", 3, "device"), "20b0", ["GPU model: 10de:20b0 found, 10de:2330 sold"]),
        (("nics", 1, "speed_mbps"), 10, ["network ports: 1 of 100 Mbit/s found, 2 sold"]),
        (("nics", 0, "mac"), "02:00:00:00:00:09", ["network port 02:00:00:00:00:01: not found"]),
        (("drives",), [], ["drives: 0 found, 1 sold", "drive D1: not found"]),
        (("drives", 0, "size_bytes"), 999, ["drive D1: 999 bytes found, 1000 sold"]),
        (("drives", 0, "serial"), "D2", ["drive D2: found but not recorded", "drive D1: not found"]),
    ],
)
def test_each_difference_is_named(server, inventory, path, value, words):
    assert differences_of(server, changed(inventory, path, value)) == words


def test_one_memory_module_of_many_that_is_missing_is_named(server, inventory):
    listed = {**inventory, "memory_is_listed": True}

    assert differences_of(server, {**listed, "memory_bytes": 2048 * GIB}) == []
    assert differences_of(server, {**listed, "memory_bytes": 1984 * GIB}) == ["memory: 1984 GB found, 2048 GB sold"]
    assert differences_of(server, {**listed, "memory_bytes": 2048 * GIB - 1}) == [
        "memory: 2047.9 GB found, 2048 GB sold"
    ]


def test_without_a_bill_nothing_is_as_sold(server, inventory):
    BillOfMaterials.objects.all().delete()

    assert differences_of(server, inventory) == ["bill of materials: none is recorded for this type"]


def test_staff_set_the_bill_and_see_the_inspections(server):
    operations = staff.browser(StaffRole.OPERATIONS)
    sent = {**BILL, "gpu_pci_ids": "10DE:20B0\n1002:74a1", "drive_count": 8}
    Inspection.objects.create(server=server, operation_id_text="op_1", inventory={}, differences=["GPUs: 7 found"])

    reply = operations.post(staff.act_of(server.server_type, "bill"), sent)
    wrong = operations.post(staff.act_of(server.server_type, "bill"), {**sent, "gpu_pci_ids": "H100"})

    bill = BillOfMaterials.objects.get()
    assert reply.url == staff.page_of(server.server_type)
    assert (bill.gpu_pci_ids, bill.drive_count) == (["10de:20b0", "1002:74a1"], 8)
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["gpu_pci_ids"])
    assert "GPUs: 7 found" in operations.get(staff.page_of(server)).content.decode()


def test_sales_may_not_set_the_bill(server):
    reply = staff.browser(StaffRole.SALES).post(
        staff.act_of(server.server_type, "bill"), {**BILL, "gpu_pci_ids": "1:2"}
    )

    assert reply.status_code == 403
    assert BillOfMaterials.objects.get().gpu_pci_ids == BILL["gpu_pci_ids"]
