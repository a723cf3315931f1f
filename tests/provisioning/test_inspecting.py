"""Inspecting new servers: real runner, playbooks and portal; the machine and its BMC are the emulator's own process."""

import json

import pytest

from portal.audit.models import AuditEvent
from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.inspections import set_bill
from portal.fleet.models import BMC, FirmwareBaseline, Inspection, Server
from portal.fleet.states import ServerState
from portal.operations.models import BootToken, Operation
from portal.operations.services.inspecting import INSPECTED_FROM, inspect
from portal.operations.states import OperationState
from provisioning.drive import drive
from provisioning.simulator.controller import BOOT_ORDER, FIRMWARE
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.ramdisk import GPU_PCI_ID, NIC_SPEED_MBPS
from tests import factories
from tests.playbooks.conftest import make_certificate
from tests.provisioning.simulator.emulator import entry, running, until, uuid_of, write_fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
DISK = entry(1)["disk_bytes"]

DIFFERENCES = {
    Fault.GPU_MISSING: ["GPUs: 7 found, 8 sold"],
    Fault.MEMORY_MISSING: ["memory: 32 GB found, 64 GB sold"],
    Fault.DRIVE_WRONG: [
        f"drive XD1: {DISK // 2} bytes found, {DISK} sold",
        "drive XD1: found but not recorded",
        "drive D1: not found",
    ],
}
"""What may be wrong with a new server, and what staff read of it."""


@pytest.fixture
def fleet(tmp_path):
    certificate, key = make_certificate(tmp_path, "bmc")
    port = write_fleet(tmp_path, [entry(1)], cert=certificate, key=key)
    with running(tmp_path):
        yield tmp_path, port, certificate


@pytest.fixture
def server(fleet, settings, live_server):
    settings.METALYARD_NETWORKS = False
    settings.METALYARD_BMC_CA_FILE = str(fleet[2])
    settings.METALYARD_AGENT_URL = settings.METALYARD_MEDIA_URL = live_server.url
    kind = factories.server_type(memory_gb=64)
    made = factories.server(serial="SN1", system_uuid=uuid_of(1), state=ServerState.ENROLLED, of_type=kind)
    made.drives.update(serial="D1", size_bytes=DISK)
    BMC.objects.filter(server=made).update(
        address=f"https://127.0.0.1:{fleet[1]}", username="user1", password_encrypted=secrets.encrypt("password-1")
    )
    FirmwareBaseline.objects.bulk_create(
        FirmwareBaseline(server_type=kind, component=name, versions=[version]) for name, version in FIRMWARE.items()
    )
    set_bill(
        actor=SYSTEM, server_type=kind, gpu_pci_ids=[GPU_PCI_ID], nic_count=1, nic_speed_mbps=NIC_SPEED_MBPS,
        drive_count=1, drive_bytes=DISK,
    )  # fmt: skip
    return made


def work(operation):
    """Do the operation to its end: what the worker does when it is woken, as often as it takes."""
    drive(operation.pk, "w1")
    reported = BootToken.objects.filter(part__operation=operation, reported_at__isnull=False)
    if not Operation.objects.filter(pk=operation.pk, finished_at__isnull=False).exists():
        until(reported.exists, 120)
        drive(operation.pk, "w1")
    operation.refresh_from_db()
    return operation


def test_what_is_as_bought_is_erased_and_only_then_available(server):
    inspected = work(inspect(actor=SYSTEM, server=server, reason="new"))
    server.refresh_from_db()
    between = server.state
    release = Operation.objects.get(kind="release")
    work(release)

    server.refresh_from_db()
    assert (inspected.state, between, server.state) == (OperationState.SUCCEEDED, "releasing", ServerState.AVAILABLE)
    inspection = Inspection.objects.get()
    assert (inspection.differences, inspection.operation_id_text) == ([], inspected.public_id)
    assert len(inspection.inventory["gpus"]) == 8
    assert BMC.objects.get(server=server).boot_order == BOOT_ORDER
    moves = AuditEvent.objects.filter(target=server.public_id, data__has_key="to").order_by("pk")
    assert [event.data["to"] for event in moves if event.verb != "server.boot_order_recorded"] == [
        "inspecting", "releasing", "available",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", DIFFERENCES)
def test_each_difference_is_named_and_the_server_stays_out_of_the_pool(fault, server, fleet):
    Faults(fleet[0] / "faults").plant("srv-1", fault)

    operation = work(inspect(actor=SYSTEM, server=server, reason="new"))

    server.refresh_from_db()
    assert (operation.state, operation.parts.get().error_code) == (OperationState.FAILED, "hardware_differs")
    assert Inspection.objects.get().differences == DIFFERENCES[fault]
    assert server.state == ServerState.INSPECT_FAILED
    assert all(words in server.state_reason for words in DIFFERENCES[fault])
    assert not Operation.objects.filter(kind="release").exists()


def test_a_bmc_that_differs_fails_the_inspection_too(server, fleet):
    Faults(fleet[0] / "faults").plant("srv-1", Fault.FIRMWARE_FLASHED)

    operation = work(inspect(actor=SYSTEM, server=server, reason="new"))

    server.refresh_from_db()
    assert (operation.parts.get().error_code, server.state) == ("firmware_differs", ServerState.INSPECT_FAILED)
    assert not Operation.objects.filter(kind="release").exists()


def test_a_server_that_is_repaired_is_inspected_anew(server, fleet):
    faults = Faults(fleet[0] / "faults")
    faults.plant("srv-1", Fault.GPU_MISSING)
    work(inspect(actor=SYSTEM, server=server, reason="new"))
    faults.clear("srv-1")

    again = work(inspect(actor=SYSTEM, server=Server.objects.get(pk=server.pk), reason="repaired"))

    server.refresh_from_db()
    assert (again.state, server.state) == (OperationState.SUCCEEDED, ServerState.RELEASING)
    assert [len(row.differences) for row in Inspection.objects.order_by("pk")] == [1, 0]


@pytest.mark.parametrize("state", sorted(set(ServerState) - set(INSPECTED_FROM)))
def test_only_what_is_not_yet_sold_is_inspected(state):
    made = factories.server(state=state)

    with pytest.raises(StateConflict):
        inspect(actor=SYSTEM, server=made, reason="curious")

    made.refresh_from_db()
    assert (made.state, Operation.objects.count(), json.dumps(list(AuditEvent.objects.values()))) == (state, 0, "[]")
