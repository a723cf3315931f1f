"""The check of the BMC after an erasure: the real runner and playbooks on the emulated BMC's own process."""

import json
import logging
import os
import signal
import ssl
import subprocess
import sys

import httpx
import pytest

from portal.audit.models import AuditEvent
from portal.core import clock, secrets
from portal.core.actors import SYSTEM
from portal.fleet.models import BMC, FirmwareBaseline, Server
from portal.fleet.selectors import firmware_of
from portal.fleet.states import ServerState
from portal.operations.models import Operation
from portal.operations.services import claims
from portal.operations.services.erasing import erase_anew
from portal.operations.states import PartState
from provisioning.catalogue import work_of
from provisioning.drive import drive
from provisioning.simulator.controller import BOOT_ORDER, FIRMWARE
from provisioning.simulator.faults import Fault, Faults
from tests import factories
from tests.hands import prove
from tests.playbooks.conftest import make_certificate
from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet
from tests.serving import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
FIRST = "password-1"
NUMBER = 1
STEP = next(index for index, step in enumerate(work_of("release").steps) if getattr(step, "checks_bmc", False))

TAMPERINGS = {
    Fault.EXTRA_USER: ("bmc_extra_user", "svc-maint (Administrator)"),
    Fault.BOOT_ORDER: ("bmc_boot_changed", "order Pxe, UefiHttp, Cd, Hdd, recorded Hdd, Cd, UefiHttp, Pxe"),
    Fault.MEDIA_INSERTED: ("bmc_media_inserted", "Cd: http://203.0.113.9/rescue.iso"),
    Fault.FIRMWARE_FLASHED: ("firmware_differs", "BMC: 2.14.0-r1, expected 2.14.0"),
    Fault.IPMI_ON: ("bmc_ipmi_on", "IPMI over LAN is on"),
    Fault.PASSWORD_KEPT: ("bmc_password_unproved", "The old password is not refused (HTTP 200)."),
    Fault.PASSWORD_IGNORED: ("bmc_password_unproved", "The new password is not accepted (HTTP 401)."),
}
"""What may have been done to a BMC: the code that it is found by, and the words that staff read."""


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bmc")


@pytest.fixture
def fleet(tmp_path, tls):
    """The emulated BMC, running; gives (its folder, its port)."""
    port = write_fleet(tmp_path, [entry(NUMBER)], cert=tls[0], key=tls[1])
    with running(tmp_path):
        yield tmp_path, port


@pytest.fixture
def server(fleet, tls, settings):
    settings.METALYARD_NETWORKS = False
    settings.METALYARD_BMC_CA_FILE = str(tls[0])
    made = factories.server(serial=f"SN{NUMBER}", system_uuid=uuid_of(NUMBER), state=ServerState.QUARANTINED)
    BMC.objects.filter(server=made).update(
        address=f"https://127.0.0.1:{fleet[1]}",
        username=f"user{NUMBER}",
        password_encrypted=secrets.encrypt(FIRST),
        boot_order=BOOT_ORDER,
    )
    FirmwareBaseline.objects.bulk_create(
        FirmwareBaseline(server_type=made.server_type, component=component, versions=[version])
        for component, version in FIRMWARE.items()
    )
    return made


@pytest.fixture
def opens(fleet, tls):
    """Tells whether the BMC takes a password."""

    def ask(password):
        address = f"https://127.0.0.1:{fleet[1]}/redfish/v1/Systems/{uuid_of(NUMBER)}"
        trusted = ssl.create_default_context(cafile=str(tls[0]))
        status = httpx.get(address, auth=(f"user{NUMBER}", password), verify=trusted, trust_env=False).status_code
        assert status in (200, 401)
        return status == 200

    return ask


def erased(server):
    """Return a release of the server whose disks are erased with proof: the check of its BMC is next."""
    operation = erase_anew(actor=SYSTEM, server=Server.objects.get(pk=server.pk), reason="looked at")
    part = operation.parts.get()
    prove(part)
    operation.parts.update(step=STEP)
    return operation


def passwords(server):
    """Return the password that is kept, and the next one, which is empty unless it is still to be proved."""
    bmc = BMC.objects.get(server=server)
    following = bmc.next_password_encrypted
    return secrets.decrypt(bmc.password_encrypted), secrets.decrypt(following) if following else ""


def part_of(operation):
    return operation.parts.select_related("server").get()


def words_of(operation):
    return AuditEvent.objects.filter(data__error_code=part_of(operation).error_code).latest("pk").data["detail"]


def test_a_bmc_as_recorded_passes_and_has_a_new_password(server, opens):
    operation = erased(server)

    drive(operation.pk, "w1")

    part = part_of(operation)
    assert (part.state, part.error_code) == (PartState.SUCCEEDED, "")
    assert part.server.state == ServerState.AVAILABLE
    kept, following = passwords(server)
    assert (opens(kept), opens(FIRST), following) == (True, False, "")
    assert BMC.objects.get(server=server).password_changed_at is not None
    assert {row.component: (row.version, row.matches) for row in firmware_of(server, operation.public_id)} == {
        component: (version, True) for component, version in FIRMWARE.items()
    }


@pytest.mark.parametrize("fault", TAMPERINGS)
def test_what_was_done_to_a_bmc_ends_in_quarantine(fault, server, fleet, opens):
    code, words = TAMPERINGS[fault]
    Faults(fleet[0] / "faults").plant(f"srv-{NUMBER}", fault)
    operation = erased(server)
    before = Server.objects.filter(pk=server.pk).values("name", "serial", "is_spare", "server_type").get()

    drive(operation.pk, "w1")

    part = part_of(operation)
    assert (part.state, part.error_code) == (PartState.FAILED, code)
    assert part.server.state == ServerState.QUARANTINED
    assert words in words_of(operation)
    assert Server.objects.filter(pk=server.pk).values(*before).get() == before
    assert any(opens(password) for password in passwords(server) if password), "nobody can log in any more"
    assert "ForceOff" not in (fleet[0] / "bmc.log").read_text()


@pytest.mark.parametrize("fault", [Fault.PASSWORD_KEPT, Fault.PASSWORD_IGNORED])
def test_a_password_that_was_not_proved_is_set_by_the_next_attempt(fault, server, fleet, opens):
    faults = Faults(fleet[0] / "faults")
    faults.plant(f"srv-{NUMBER}", fault)
    drive(erased(server).pk, "w1")
    faults.clear(f"srv-{NUMBER}")
    _, following = passwords(server)

    again = erased(server)
    drive(again.pk, "w2")

    assert part_of(again).server.state == ServerState.AVAILABLE
    assert passwords(server) == (following, "")
    assert (opens(following), opens(FIRST)) == (True, False)


def test_a_bmc_that_was_never_recorded_is_in_doubt(server):
    BMC.objects.filter(server=server).update(boot_order=[])
    FirmwareBaseline.objects.filter(component="BIOS").delete()
    operation = erased(server)

    drive(operation.pk, "w1")

    assert part_of(operation).server.state == ServerState.QUARANTINED
    assert "recorded none; BIOS: 3.7.1, expected no such component" in words_of(operation)


def test_an_account_that_the_type_allows_is_no_finding(server, fleet):
    Faults(fleet[0] / "faults").plant(f"srv-{NUMBER}", Fault.EXTRA_USER)
    server.server_type.bmc_accounts = ["svc-maint"]
    server.server_type.save(update_fields=["bmc_accounts"])
    operation = erased(server)

    drive(operation.pk, "w1")

    assert part_of(operation).server.state == ServerState.AVAILABLE


def test_a_worker_that_dies_before_it_keeps_the_password_loses_nothing(server, tls, opens, settings):
    operation = erased(server)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "METALYARD_BMC_CA_FILE": str(tls[0]),
        "METALYARD_SECRETS_KEYS": ",".join(settings.METALYARD_SECRETS_KEYS),
    }
    command = [sys.executable, "-m", "tests.provisioning.dying_worker", str(operation.pk)]
    died = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    kept, following = passwords(server)
    assert (kept, opens(kept), opens(following)) == (FIRST, False, True), "the BMC has it and we have not kept it"

    Operation.objects.filter(pk=operation.pk).update(claim_expires_at=clock.now())
    claims.take_away(operation_pk=operation.pk, may_repeat=True, attempts=5)
    drive(operation.pk, "w2")

    assert part_of(operation).server.state == ServerState.AVAILABLE
    assert passwords(server) == (following, "")
    assert (opens(following), opens(FIRST)) == (True, False)


def test_neither_password_is_written_anywhere(server, fleet, caplog, tmp_path_factory):
    Faults(fleet[0] / "faults").plant(f"srv-{NUMBER}", Fault.PASSWORD_KEPT)
    caplog.set_level(logging.DEBUG)
    first = erased(server)
    drive(first.pk, "w1")
    _, following = passwords(server)
    Faults(fleet[0] / "faults").clear(f"srv-{NUMBER}")
    drive(erased(server).pk, "w2")
    assert passwords(server) == (following, "")

    rows = [json.dumps(data) for data in AuditEvent.objects.values_list("data", flat=True)]
    rows += [str(row) for model in (Operation, Server, BMC) for row in model.objects.values()]
    rows += [str(row) for row in first.parts.values()]
    written = [path.read_bytes().decode("latin-1") for path in fleet[0].rglob("*") if path.is_file()]
    for text in [*rows, caplog.text, *written]:
        assert following not in text
        assert FIRST not in text
    assert "RunnerEvent" in caplog.text
    assert any("AccountService/Accounts/1" in text for text in written)
