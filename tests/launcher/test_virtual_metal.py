"""Before virtual machines: what is missing is named, the stock is small, what was built is where it is looked for."""

import hashlib
import json

import pytest

from portal.catalog.models import OSImage, Price
from portal.core.passwords import random_password
from portal.fleet import selectors
from portal.fleet.models import NIC, Network, Server, Switch, SwitchPort
from portal.launcher import secret_file, virtual_metal
from portal.launcher.demo import seed
from portal.launcher.demo.offer import virtual_pool
from portal.launcher.demo.servers import Addresses
from portal.launcher.problems import LaunchProblem
from provisioning.simulator.fleet import load
from provisioning.simulator.vm import PORTAL
from tests.end_to_end.stack import run_to_end

TOLD = {
    "slug": "debian-12", "name": "Debian", "version": "12", "default_user": "debian",
    "file_name": "debian-12.raw.zst", "encoding": "zstd", "size_bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest(),
    "disk_bytes": 1 << 20, "disk_sha256": "b" * 64,
}  # fmt: skip
ADDRESSES = Addresses("127.77", 8443, 2222)
PASSWORDS = {name: random_password() for name in secret_file.PASSWORDS}


@pytest.fixture
def built(tmp_path):
    """A cache with a medium and an image in it."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in (*virtual_metal.MEDIUM, TOLD["file_name"]):
        (cache / name).write_bytes(b"abc")
    (cache / virtual_metal.IMAGE).write_text(json.dumps(TOLD))
    return cache


def test_each_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(virtual_metal.shutil, "which", lambda _program, path: None)
    monkeypatch.setattr(virtual_metal, "FIRMWARE", (tmp_path / "none.fd", "ovmf"))

    with pytest.raises(LaunchProblem) as refused:
        virtual_metal.require_packages()

    assert str(refused.value).endswith(
        "apt-get install binutils dosfstools fakeroot gdisk mmdebstrap mtools ovmf qemu-system-x86 xorriso zstd"
    )


def test_what_was_built_is_put_where_the_portal_looks(built, tmp_path):
    media, images = tmp_path / "media", tmp_path / "images"

    for _again in range(2):
        virtual_metal.provide(built, media, images)

    assert sorted(path.name for path in media.iterdir()) == ["deploy.iso", "deploy.iso.json"]
    assert sorted(path.name for path in images.iterdir()) == ["debian-12.json", "debian-12.raw.zst"]


def test_where_machines_reach_the_portal_is_known_at_both_ends():
    assert ":".join(map(str, PORTAL)) == virtual_metal.GUEST_PORTAL
    assert virtual_metal.SETTINGS["METALYARD_AGENT_URL"] == f"http://{virtual_metal.GUEST_PORTAL}"


@pytest.mark.django_db
def test_the_demo_of_virtual_machines_sells_them_with_the_built_image(built, tmp_path):
    seed.seed_rows(ADDRESSES, PASSWORDS, fast=True, fleet=virtual_pool(3), images=built)
    seed.write_files(tmp_path, built, ADDRESSES, fast=True, portal=("127.0.0.1", 8000))

    assert set(Server.objects.values_list("server_type__slug", flat=True)) == {"vm-1x"}
    assert Price.objects.filter(server_type__slug="vm-1x").exists()
    assert OSImage.objects.values_list("file_name", "disk_sha256").get() == (TOLD["file_name"], TOLD["disk_sha256"])
    told = json.loads((tmp_path / "fleet" / "fleet.json").read_text())
    assert [server["kind"] for server in told["servers"]] == ["qemu"] * 3
    with pytest.raises(LaunchProblem, match="other servers"):
        seed.seed_rows(ADDRESSES, PASSWORDS, fast=True)
    assert Server.objects.count() == 3


@pytest.fixture
def seeded(built):
    """Seeds a demo of three virtual machines, or takes up the one that there is."""

    def go():
        seed.seed_rows(ADDRESSES, PASSWORDS, fast=True, fleet=virtual_pool(3), images=built)

    go()
    return go


@pytest.mark.django_db
def test_virtual_machines_hang_on_the_switch_by_a_second_card(seeded, built, tmp_path):
    seed.write_files(tmp_path, built, ADDRESSES, fast=True)

    (tmp_path / "fleet" / "fleet.json").rename(tmp_path / "fleet.json")
    fleet = load(tmp_path / "fleet.json")
    assert [(spec.mac, spec.switched_mac) for spec in fleet.specs] == [
        (f"02:4d:59:00:00:0{number}", f"02:4d:59:01:00:0{number}") for number in range(3)
    ]
    for spec in fleet.specs:
        port = SwitchPort.objects.get(server__name=spec.name)
        assert (spec.switch, spec.port) == (port.switch.name, port.name)
    inner = selectors.inner_addresses(Server.objects.values_list("pk", flat=True))
    assert sorted(inner.values()) == ["10.77.0.1", "10.77.0.2", "10.77.0.3"]
    assert "METALYARD_NETWORKS" not in virtual_metal.SETTINGS


@pytest.mark.django_db
def test_an_older_demo_gets_ports_and_second_cards_once(seeded):
    for rows in (SwitchPort.objects, Switch.objects, Network.objects, NIC.objects.filter(address__isnull=False)):
        rows.all().delete()
    before = set(NIC.objects.values_list("mac", flat=True))

    seeded()
    seeded()

    assert SwitchPort.objects.count() == 3
    assert NIC.objects.filter(address__isnull=False, prefix_length=16).count() == 3
    assert before < set(NIC.objects.values_list("mac", flat=True))
    assert NIC.objects.count() == 6


@pytest.mark.django_db
def test_an_image_that_was_built_anew_is_what_the_catalogue_says(seeded, built):
    told = TOLD | {"sha256": "d" * 64, "size_bytes": 4, "disk_sha256": "c" * 64, "disk_bytes": 2 << 20}
    (built / virtual_metal.IMAGE).write_text(json.dumps(told))

    seeded()

    image = OSImage.objects.get()
    assert (image.sha256, image.size_bytes, image.disk_sha256, image.disk_bytes) == ("d" * 64, 4, "c" * 64, 2 << 20)


@pytest.mark.parametrize("servers", ["1", "5"])
def test_more_virtual_machines_than_two_cores_boot_are_refused_before_anything_is_made(servers, tmp_path):
    code, said = run_to_end("--metal=qemu", "--servers", servers, "--state-dir", str(tmp_path / "state"))

    assert code == 2
    assert f"--metal=qemu runs 2 to 4 servers, not {servers}" in said
    assert not (tmp_path / "state").exists()
