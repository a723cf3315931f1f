"""The demo's data: believable, whole, once only, and readable by the emulated fleet."""

import hashlib
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db.models import F

from portal.audit.models import AuditEvent
from portal.catalog.models import FeeBasis, OSImage, Price, PriceBook, SlaTier, SupportTier
from portal.catalog.selectors import terms_of
from portal.core.passwords import random_password
from portal.core.secrets import decrypt
from portal.fleet.models import (
    BMC,
    Fabric,
    FirmwareBaseline,
    Network,
    PortPlacement,
    Rack,
    Region,
    Server,
    ServerType,
    Switch,
    SwitchPort,
    VlanRange,
)
from portal.fleet.networks import PROVIDERS
from portal.fleet.states import ServerState
from portal.launcher import secret_file
from portal.launcher.demo import people, seed
from portal.launcher.demo.images import HEADER_BYTES
from portal.launcher.demo.servers import Addresses
from portal.launcher.problems import LaunchProblem
from portal.quotas.models import Quota
from portal.tenancy import tokens
from portal.tenancy.models import APIToken, Membership, Organization, User
from portal.tenancy.staff import StaffRole, role_of
from provisioning.simulator import controller as emulated

pytestmark = pytest.mark.django_db

ADDRESSES = Addresses("127.77", 8443, 2222)
PASSWORDS = {name: random_password() for name in secret_file.PASSWORDS}


@pytest.fixture
def seeded() -> None:
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)


def write(state: Path) -> None:
    seed.write_files(state, state / "images", ADDRESSES, fast=True)


@pytest.mark.usefixtures("seeded")
def test_the_offer_is_believable() -> None:
    assert Region.objects.count() == 2
    assert Fabric.objects.count() == 4
    assert ServerType.objects.count() == 6
    assert Server.objects.count() >= 200
    assert set(Server.objects.values_list("state", flat=True)) == {ServerState.AVAILABLE}
    assert not Server.objects.exclude(fabric__region=F("region")).exists()
    per_rack = Counter(Server.objects.values_list("rack_id", flat=True))
    assert max(per_rack.values()) <= 4
    assert Rack.objects.count() == len(per_rack)
    for server_type, region in Server.objects.values_list("server_type_id", "region_id").distinct():
        currencies = Price.objects.filter(server_type=server_type, region=region, per_gpu_hour__gt=0)
        assert set(currencies.values_list("book__currency", flat=True)) == {"USD", "EUR"}


@pytest.mark.usefixtures("seeded")
def test_every_pool_has_its_spares_and_still_sells_large_blocks() -> None:
    pools = Counter(Server.objects.filter(is_spare=False).values_list("server_type__slug", "fabric__name"))
    spares = Counter(Server.objects.filter(is_spare=True).values_list("server_type__slug", "fabric__name"))
    assert set(spares) == set(pools)
    assert sorted(spares.values()) == [4] * 6 + [5] * 3
    assert sorted(pools.values()) == [12] * 3 + [20] * 3 + [27] * 3


@pytest.mark.usefixtures("seeded")
def test_calling_off_is_free_a_week_ahead_and_costs_a_quarter_a_day_ahead() -> None:
    said = {book.currency: str(terms_of(book)) for book in PriceBook.objects.all()}
    assert said == dict.fromkeys(("USD", "EUR"), "0 % with 7 d of notice, 25 % with 24 h, else 100 %")


@pytest.mark.usefixtures("seeded")
def test_prices_have_terms_and_floors_and_there_are_three_service_levels() -> None:
    assert sorted(set(Price.objects.values_list("months", flat=True))) == [0, 1, 6, 12, 36]
    assert Price.objects.filter(floor_per_gpu_hour__lt=F("per_gpu_hour")).exists()
    assert set(PriceBook.objects.values_list("currency", "state", "fees__per")) == {
        (currency, "published", basis) for currency in ("USD", "EUR") for basis in FeeBasis.values
    }
    measured = Decimal("98.9")
    levels = {tier.slug: (tier.target, tier.is_default, tier.credit_for(measured)) for tier in SlaTier.objects.all()}
    assert levels == {
        "flex": (Decimal("99.0"), True, 10),
        "standard": (Decimal("99.5"), False, 25),
        "assured": (Decimal("99.9"), False, 50),
    }
    assert SupportTier.objects.filter(is_default=True).count() == 1


@pytest.mark.usefixtures("seeded")
def test_every_bmc_has_a_password_of_its_own_that_is_stored_encrypted() -> None:
    stored = list(BMC.objects.values_list("password_encrypted", flat=True))
    plain = {decrypt(text) for text in stored}
    assert len(plain) == len(stored) == Server.objects.count()
    assert not any(password in text for password, text in zip(plain, stored, strict=True))


@pytest.mark.usefixtures("seeded")
def test_every_bmc_is_recorded_as_the_emulated_ones_are() -> None:
    types = ServerType.objects.count()
    baselines = Counter((row.component, *row.versions) for row in FirmwareBaseline.objects.all())
    assert baselines == dict.fromkeys(emulated.FIRMWARE.items(), types)
    assert BMC.objects.exclude(boot_order=emulated.BOOT_ORDER).count() == 0


@pytest.mark.usefixtures("seeded")
def test_customers_staff_and_limits() -> None:
    customer = authenticate(username=people.CUSTOMER, password=PASSWORDS[secret_file.CUSTOMER_PASSWORD])
    sales = authenticate(username=people.SALES, password=PASSWORDS[secret_file.SALES_PASSWORD])
    admin = authenticate(username=people.ADMIN, password=PASSWORDS[secret_file.ADMIN_PASSWORD])
    assert isinstance(customer, User)
    assert isinstance(sales, User)
    assert isinstance(admin, User)
    assert (customer.is_staff, sales.is_staff, sales.is_superuser, admin.is_superuser) == (False, True, False, True)
    assert role_of(sales) == StaffRole.SALES
    assert sales.has_perm("reservations.change_reservation")
    assert not sales.has_perm("fleet.change_server")
    assert set(people.STAFF) == set(StaffRole)
    for role, email in people.STAFF.items():
        password = PASSWORDS[secret_file.STAFF_PASSWORDS[role.name.lower()]]
        person = authenticate(username=email, password=password)
        assert isinstance(person, User)
        assert role_of(person) == role
    assert Organization.objects.count() == 2
    assert len(set(Membership.objects.values_list("role", flat=True))) == 5
    assert Quota.objects.count() == Organization.objects.count() * ServerType.objects.count() * Region.objects.count()


@pytest.mark.usefixtures("seeded")
def test_an_older_demo_gets_the_accounts_of_newer_roles(tmp_path: Path) -> None:
    User.objects.get(email=people.STAFF[StaffRole.SUPPORT]).delete()
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert role_of(User.objects.get(email=people.STAFF[StaffRole.SUPPORT])) == StaffRole.SUPPORT
    kept = secret_file.load_or_make(tmp_path / "env", fleet_network="127.77")
    older = {name: value for name, value in kept.items() if name not in secret_file.LATER}
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in older.items()))
    renewed = secret_file.load_or_make(tmp_path / "env", fleet_network="127.77")
    assert renewed.keys() == kept.keys()
    assert {name: renewed[name] for name in older} == older
    assert secret_file.load_or_make(tmp_path / "env", fleet_network="127.77") == renewed


@pytest.mark.usefixtures("seeded")
def test_the_image_files_are_what_the_catalogue_says(tmp_path: Path) -> None:
    write(tmp_path)
    for image in OSImage.objects.all():
        data = (tmp_path / "images" / image.file_name).read_bytes()
        assert len(data) == image.size_bytes
        assert hashlib.sha256(data).hexdigest() == image.sha256
        header = json.loads(data[:HEADER_BYTES])
        assert header["magic"] == "METALYARD-IMAGE"
        assert header["os"] == image.name
        assert header["default_user"] == image.default_user
        assert 0 not in data[HEADER_BYTES:], "a zero byte could not be told from an erased one"


@pytest.mark.usefixtures("seeded")
def test_the_fleet_file_names_every_server_as_the_database_does(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "fleet" / "fleet.json"
    assert path.stat().st_mode & 0o077 == 0
    fleet = json.loads(path.read_text())
    assert fleet["bmc"]["host"] == "127.77.0.1"
    entries = {entry["name"]: entry for entry in fleet["servers"]}
    assert len(entries) == Server.objects.count()
    assert len({(entry["ssh_host"], entry["ssh_port"]) for entry in entries.values()}) == len(entries)
    for server in Server.objects.select_related("bmc").prefetch_related("drives", "nics"):
        entry = entries[server.name]
        password = decrypt(server.bmc.password_encrypted)
        assert entry["bmc_password_sha256"] == hashlib.sha256(password.encode()).hexdigest()
        assert password not in path.read_text()
        assert (entry["uuid"], entry["serial"]) == (str(server.system_uuid), server.serial)
        assert [(entry["drive_serial"], entry["disk_bytes"])] == [(d.serial, d.size_bytes) for d in server.drives.all()]
        assert [entry["mac"]] == [nic.mac for nic in server.nics.all()]


@pytest.mark.usefixtures("seeded")
def test_every_server_hangs_on_the_switch_of_its_fabric_and_the_fleet_file_says_where(tmp_path: Path) -> None:
    write(tmp_path)
    fleet = json.loads((tmp_path / "fleet" / "fleet.json").read_text())
    ports = {entry["name"]: (entry["switch"], entry["port"]) for entry in fleet["servers"]}
    logins = {entry["name"]: (entry["user"], entry["password"]) for entry in fleet["switches"]}
    assert len(set(ports.values())) == Server.objects.count()
    for server in Server.objects.select_related("fabric", "port__switch"):
        assert server.port.switch.fabric == server.fabric
        assert ports[server.name] == (server.port.switch.name, server.port.name)
    for switch in Switch.objects.all():
        assert logins[switch.name] == (switch.username, decrypt(switch.password_encrypted))
    assert Counter(Network.objects.values_list("kind", flat=True)) == dict.fromkeys(PROVIDERS, Fabric.objects.count())
    known = Network.objects.filter(kind__in=("provisioning", "cleaning"))
    assert set(fleet["agent_vlans"]) == set(known.values_list("vlan_id", flat=True))


@pytest.mark.usefixtures("seeded")
def test_the_servers_of_an_older_demo_are_hung_on_switches_too() -> None:
    for model in (SwitchPort, Switch, Network, VlanRange):
        model.objects.all().delete()
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert SwitchPort.objects.count() == PortPlacement.objects.count() == Server.objects.count()
    assert Switch.objects.count() == VlanRange.objects.count() == Fabric.objects.count()


@pytest.mark.usefixtures("seeded")
def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    first = json.loads((tmp_path / "demo.json").read_text())
    rows = (Server.objects.count(), User.objects.count(), AuditEvent.objects.count())
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=False)
    write(tmp_path)
    assert json.loads((tmp_path / "demo.json").read_text()) == first
    assert (Server.objects.count(), User.objects.count(), AuditEvent.objects.count()) == rows


@pytest.mark.usefixtures("seeded")
def test_a_lost_or_revoked_token_is_replaced(tmp_path: Path) -> None:
    write(tmp_path)
    first = json.loads((tmp_path / "demo.json").read_text())["api_token"]
    APIToken.objects.get(secret_sha256=tokens.digest(first))
    call = tmp_path / "demo.json"
    call.unlink()
    write(tmp_path)
    second = json.loads(call.read_text())["api_token"]
    assert second != first
    APIToken.objects.get(secret_sha256=tokens.digest(second), revoked_at=None)


def test_a_database_with_other_data_is_left_alone() -> None:
    Region.objects.create(code="elsewhere", name="Elsewhere")
    with pytest.raises(LaunchProblem, match="not the demo's"):
        seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert list(Region.objects.values_list("code", flat=True)) == ["elsewhere"]
    assert User.objects.count() == 0


@pytest.mark.usefixtures("seeded")
def test_the_demo_of_another_state_folder_is_left_alone() -> None:
    with pytest.raises(LaunchProblem, match="another state folder"):
        seed.seed_rows(Addresses("127.78", 8443, 2222), PASSWORDS, fast=True)


@pytest.mark.usefixtures("seeded")
def test_another_key_is_one_clear_line(tmp_path: Path, settings: object) -> None:
    settings.METALYARD_SECRETS_KEYS = ["l0LdyxMZ7YTSqgZZK3JYwBmJ1j2IXB0Q3mH8RGr1nHM="]  # type: ignore[attr-defined]
    with pytest.raises(LaunchProblem, match="another secret key"):
        write(tmp_path)


def test_the_command_needs_the_launchers_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(secret_file.FLEET_NETWORK, raising=False)
    with pytest.raises(SystemExit) as ended:
        call_command("seed_demo")
    assert ended.value.code == 2
    assert secret_file.FLEET_NETWORK in capsys.readouterr().err
    assert not Region.objects.exists()
