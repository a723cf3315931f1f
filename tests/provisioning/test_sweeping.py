"""What the BMCs of the emulated fleet say of handed-over servers, over HTTPS: GPUs, their errors, links, and power."""

from collections import Counter
from datetime import timedelta

import httpx
import pytest

from portal.core import clock, secrets
from portal.fleet.models import BMC, NIC, Server
from portal.launcher import tls
from portal.reservations.models import Allocation
from portal.sla.models import Evidence
from provisioning import probing, redfish, sweeping
from provisioning.simulator.faults import Fault, Faults
from tests import factories
from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet

pytestmark = pytest.mark.django_db
SLOW = {"gpu_count", "xid_ecc", "link"}


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    """The running fleet of one; gives (its folder, its address, the CA's file)."""
    made = tls.ensure(tmp_path_factory.mktemp("demo") / "tls", "127.0.0.1")
    folder = tmp_path_factory.mktemp("fleet")
    port = write_fleet(folder, [entry(1)], cert=made.certificate, key=made.key)
    with running(folder):
        yield folder, f"https://127.0.0.1:{port}", str(made.ca)


@pytest.fixture
def reset(emulated):
    """Switches the server off and on again."""

    def act(*kinds):
        for kind in kinds:
            path = f"{emulated[1]}/redfish/v1/Systems/{uuid_of(1)}/Actions/ComputerSystem.Reset"
            httpx.post(path, json={"ResetType": kind}, auth=("user1", "password-1"), verify=False)  # noqa: S501

    return act


@pytest.fixture
def faults(emulated):
    made = Faults(emulated[0] / "faults")
    yield made
    made.clear("srv-1")


@pytest.fixture
def server(emulated, settings, reset):
    """Return the server of the fleet, handed over some time ago, switched on."""
    settings.METALYARD_BMC_CA_FILE = emulated[2]
    made = factories.server()
    factories.hand_over(factories.reservation(starts_at=None))
    Allocation.objects.update(ready_at=clock.now() - timedelta(hours=1))
    Server.objects.update(system_uuid=uuid_of(1))
    login = {"username": "user1", "password_encrypted": secrets.encrypt("password-1")}
    BMC.objects.update(address=emulated[1], **login)
    NIC.objects.update_or_create(server=made, defaults={"mac": entry(1)["mac"].upper()})
    reset("ForceOff", "On")
    return made


def look():
    """Return what the BMC says, by kind."""
    rows = probing._handed_over()
    (told,) = sweeping.look_at(rows, clock.now()).values()
    return {kind.value: (condition.value, note) for kind, (condition, note) in told.items()}


GOOD = dict.fromkeys({"power", *SLOW}, ("up", ""))


def test_a_server_without_faults_is_up_in_every_kind(server):
    assert look() == GOOD


@pytest.mark.parametrize(
    "fault, kind, note",
    [
        (Fault.GPU_MISSING, "gpu_count", "7 of 8 GPUs"),
        (Fault.GPU_XID, "xid_ecc", "Xid 79: fallen off the bus"),
        (Fault.GPU_ECC, "xid_ecc", "3 uncorrectable ECC errors of GPU_SXM_1_DRAM_0"),
        (Fault.LINK_DOWN, "link", f"LinkDown at {entry(1)['mac']}"),
    ],
)
def test_a_fault_is_down_in_its_kind_alone(server, faults, fault, kind, note):
    faults.plant("srv-1", fault)

    assert look() == GOOD | {kind: ("down", note)}


@pytest.mark.parametrize("fault", [Fault.GPU_XID, Fault.GPU_ECC])
def test_an_error_ends_with_the_next_reset(server, faults, reset, fault):
    faults.plant("srv-1", fault)
    reset("ForceRestart")

    assert look() == GOOD


def test_an_error_of_whoever_had_the_server_before_is_not_the_tenants(server, faults):
    faults.plant("srv-1", Fault.GPU_XID)
    Allocation.objects.update(ready_at=clock.now() + timedelta(seconds=5))

    assert look() == GOOD


def test_of_a_server_that_is_off_nothing_but_that_is_asked(server, reset):
    reset("ForceOff")

    assert look() == {"power": ("down", "power is off")}


def test_all_is_noted_and_the_slow_kinds_at_every_other_minute_within_the_gap(server, faults, monkeypatch):
    begin = clock.now()
    for minute in range(5):
        monkeypatch.setattr(clock, "now", lambda minute=minute: begin + timedelta(minutes=minute))
        if minute == 2:
            faults.plant("srv-1", Fault.GPU_MISSING)
        probing.probe_servers()

    rows = Evidence.objects.filter(source="bmc")
    ends = {row.kind: (row.until - begin) // timedelta(minutes=1) for row in rows}
    assert ends == {"power": 4, "gpu_count": 4, "xid_ecc": 4, "link": 4}
    runs = list(rows.filter(kind="gpu_count").values_list("value", "since", "note"))
    assert runs == [("up", begin, ""), ("down", begin + timedelta(minutes=2), "7 of 8 GPUs")]


def test_a_sweep_asks_a_bmc_six_times_and_every_other_one_once(server, monkeypatch):
    asked = Counter()
    true = redfish.read

    def counted(http, url, login):
        asked[clock.now()] += 1
        return true(http, url, login)

    monkeypatch.setattr(redfish, "read", counted)
    begin = clock.now()
    for minute in range(4):
        monkeypatch.setattr(clock, "now", lambda minute=minute: begin + timedelta(minutes=minute))
        probing.probe_servers()

    assert list(asked.values()) == [6, 1, 6, 1]


def test_what_there_is_no_time_for_is_not_said(server, monkeypatch):
    monkeypatch.setattr(sweeping, "BUDGET_S", -1)

    assert sweeping.look_at(probing._handed_over(), clock.now()) == {}
