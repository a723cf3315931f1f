"""An erasure that ends half-way proves nothing: real runner, playbooks, portal; machine and BMC are emulated."""

from __future__ import annotations

import ssl
from datetime import timedelta

import httpx
import pytest

from portal.core import clock, secrets
from portal.core.actors import SYSTEM
from portal.fleet.models import BMC, Erasure, ErasureCertificate, FirmwareBaseline, Server
from portal.fleet.states import ServerState
from portal.operations.models import BootToken
from portal.operations.services.erasing import erase_anew
from portal.operations.states import OperationKind, OperationState, PartState
from provisioning.catalogue import AwaitStep, scaled, work_of
from provisioning.drive import drive
from provisioning.simulator.controller import BOOT_ORDER, FIRMWARE
from provisioning.simulator.faults import Fault, Faults
from tests import factories
from tests.playbooks.conftest import make_certificate
from tests.provisioning.simulator.emulator import entry, running, until, uuid_of, write_fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
CANARY = b"canary-5d1c of the tenant before"
BLOCK = 4096
DISK = 8 << 20
ERASE = next(step for step in work_of(OperationKind.RELEASE).steps if isinstance(step, AwaitStep))
SYSTEM_PATH = f"/redfish/v1/Systems/{uuid_of(1)}"


@pytest.fixture
def fleet(tmp_path):
    """The running emulator; gives (its folder, the address of its BMCs, their certificate)."""
    certificate, key = make_certificate(tmp_path, "bmc")
    port = write_fleet(tmp_path, [entry(1, disk_bytes=DISK)], cert=certificate, key=key)
    with running(tmp_path):
        yield tmp_path, f"https://127.0.0.1:{port}", certificate


@pytest.fixture
def disk(fleet):
    """The machine's drive, full of what a tenant has left."""
    path = fleet[0] / "disks" / "srv-1.img"
    path.write_bytes(CANARY.ljust(BLOCK, b"\0") * (DISK // BLOCK))
    return path


@pytest.fixture
def operation(fleet, disk, settings, live_server):
    settings.METALYARD_NETWORKS = False
    settings.METALYARD_BMC_CA_FILE = str(fleet[2])
    settings.METALYARD_AGENT_URL = settings.METALYARD_MEDIA_URL = live_server.url
    server = factories.server(serial="SN1", system_uuid=uuid_of(1), state=ServerState.QUARANTINED)
    server.drives.update(serial="D1", size_bytes=DISK)
    BMC.objects.filter(server=server).update(
        address=fleet[1], username="user1", password_encrypted=secrets.encrypt("password-1"), boot_order=BOOT_ORDER
    )
    FirmwareBaseline.objects.bulk_create(
        FirmwareBaseline(server_type=server.server_type, component=name, versions=[version])
        for name, version in FIRMWARE.items()
    )
    return erase_anew(actor=SYSTEM, server=Server.objects.get(pk=server.pk), reason="returned")


def power(fleet, reset=None):
    """Read the machine's power, or press its switch, past the portal."""
    context = ssl.create_default_context(cafile=str(fleet[2]))
    with httpx.Client(base_url=fleet[1], auth=("user1", "password-1"), verify=context, trust_env=False) as bmc:
        if reset:
            bmc.post(f"{SYSTEM_PATH}/Actions/ComputerSystem.Reset", json={"ResetType": reset}).raise_for_status()
        return bmc.get(SYSTEM_PATH).json()["PowerState"]


def canaries(disk):
    return disk.read_bytes().count(CANARY)


def reported(operation):
    return BootToken.objects.filter(part__operation=operation, reported_at__isnull=False)


def outcome(operation):
    operation.refresh_from_db()
    part = operation.parts.select_related("server").get()
    return operation.state, part.state, part.error_code, part.server.state


def evidence():
    return Erasure.objects.count(), ErasureCertificate.objects.count()


def test_left_alone_it_is_proved_and_certified(operation, disk):
    assert canaries(disk) == DISK // BLOCK

    drive(operation.pk, "w1")
    until(reported(operation).exists, 120)
    drive(operation.pk, "w1")

    assert outcome(operation) == (OperationState.SUCCEEDED, PartState.SUCCEEDED, "", ServerState.AVAILABLE)
    assert (canaries(disk), evidence()) == (0, (1, 1))


def test_power_lost_in_the_middle_ends_in_quarantine_also_when_it_comes_back(operation, disk, fleet):
    Faults(fleet[0] / "faults").plant("srv-1", Fault.PROGRESS_STALL)
    drive(operation.pk, "w1")
    # It stops with two fifths done: the rest is as the tenant left it.
    until(lambda: canaries(disk) <= DISK // BLOCK * 3 // 5, 120)

    power(fleet, "ForceOff")
    Faults(fleet[0] / "faults").clear("srv-1")
    power(fleet, "On")
    drive(operation.pk, "w1")

    # Nothing is concluded from silence before its time is over; then it is the end.
    assert operation.parts.get().state == PartState.AWAITING
    assert canaries(disk) > 0
    began = clock.now() - scaled(ERASE.time_limit) - timedelta(seconds=1)
    operation.parts.update(step_started_at=began, state_deadline_at=began + scaled(ERASE.time_limit))
    drive(operation.pk, "w1")
    assert outcome(operation) == (
        OperationState.FAILED, PartState.FAILED, "erase_timeout", ServerState.QUARANTINED,
    )  # fmt: skip
    assert (reported(operation).exists(), evidence()) == (False, (0, 0))
    assert canaries(disk) > 0
