"""The real ramdisk finds its job, once, from whom it may trust; and says what machine it runs on."""

from __future__ import annotations

import pytest

from portal.launcher import tls
from tests.provisioning.guest_portal import TOKEN, GuestPortal, medium_for
from tests.provisioning.simulator.portal_stand_in import serving
from tests.provisioning.virtual_machine import HOST, Drive, VirtualMachine, eventually, free_port, needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("virtual machines"),
]


SECOND_CARD = [
    *("-netdev", "hubport,id=net1,hubid=0"),
    *("-device", "virtio-net-pci,netdev=net1,mac=52:54:00:12:34:57,romfile="),
]


@pytest.fixture
def authority(tmp_path):
    return tls.ensure(tmp_path / "authority", HOST)


def drive(path, mib, **more):
    path.write_bytes(b"\x5a" * (mib << 20))
    return Drive(path, **more)


@pytest.mark.long
def test_an_inspection_tells_what_the_machine_is_made_of_and_touches_nothing(boot, portal, tmp_path):
    portal.offer("inspect")
    nvme, sata = drive(tmp_path / "a", 32, serial="NVME-7"), drive(tmp_path / "b", 16, serial="SATA-7", kind="sata")

    # Its second card has a link and nobody who gives addresses.
    machine = boot(nvme, sata, extra=SECOND_CARD)

    inventory = portal.result["inventory"]
    assert inventory["system"] == {"serial": machine.serial, "product": "Virtual", "uuid": machine.uuid}
    assert inventory["cpu_count"] == 2
    assert (inventory["memory_bytes"], inventory["memory_is_listed"]) == (1 << 30, True)
    assert [(found["serial"], found["size_bytes"]) for found in inventory["drives"]] == [
        ("SATA-7", 16 << 20),
        ("NVME-7", 32 << 20),
    ]
    assert all(found["model"] and found["firmware"] for found in inventory["drives"])
    assert [(card["mac"], card["driver"], card["speed_mbps"]) for card in inventory["nics"]] == [
        (machine.mac, "virtio_net", 0),
        ("52:54:00:12:34:57", "virtio_net", 0),
    ]
    assert inventory["gpus"] == [], "QEMU's display is none"
    assert "OVMF" in inventory["firmware"]["bios_vendor"]
    assert set(nvme.path.read_bytes()) == set(sata.path.read_bytes()) == {0x5A}
    assert {token for _, token, _ in portal.reports} == {f"Bearer {TOKEN}"}


@pytest.mark.boots
def test_the_portal_is_believed_by_the_authority_on_the_medium(boot, portal, authority):
    portal.secure(authority.certificate, authority.key)
    portal.offer("inspect")

    boot(ca_pem=authority.ca.read_bytes())

    assert portal.result["ok"] is True


@pytest.mark.boots
@pytest.mark.parametrize("brings_another", [True, False], ids=["another authority", "no authority"])
def test_a_stranger_is_not_believed(boot, portal, authority, tmp_path, brings_another):
    portal.secure(authority.certificate, authority.key)
    portal.offer("erase", methods=["overwrite"], verify={"mode": "full"})
    other = tls.ensure(tmp_path / "other", HOST).ca.read_bytes() if brings_another else None
    mine = drive(tmp_path / "drive", 8)

    machine = boot(mine, ca_pem=other)

    assert (portal.asked, portal.reports) == ([], [])
    assert set(mine.path.read_bytes()) == {0x5A}
    assert "no job: curl: (60)" in machine.console


@pytest.mark.boots
def test_a_medium_that_was_made_for_no_boot_asks_nobody(iso, tmp_path):
    machine = VirtualMachine(tmp_path / "machine", [], cdrom=iso)

    machine.run()

    assert "made for no boot" in machine.console
    assert "lease of" not in machine.console


@pytest.mark.boots
@pytest.mark.parametrize("status", [404, 500])
def test_a_job_that_is_refused_is_not_asked_for_again(boot, portal, status):
    portal.statuses["boot"] = [status]

    machine = boot()

    assert portal.asked == ["boot"]
    assert "no job: " in machine.console


@pytest.mark.boots
def test_a_job_of_an_unknown_kind_is_reported(boot, portal):
    portal.offer("dance")

    boot()

    assert portal.result["ok"] is False
    assert portal.result["error"] == "agent_error"
    assert "dance" in portal.result["detail"]


@pytest.mark.boots
def test_a_portal_that_is_away_is_waited_for(iso, tmp_path):
    port = free_port()
    url = f"http://{HOST}:{port}/boot/{TOKEN}"
    machine = VirtualMachine(tmp_path / "machine", [], cdrom=medium_for(iso, tmp_path / "boot.iso", url))

    with machine.running() as process:
        eventually(lambda: "no answer yet" in machine.console, "a first try", machine)
        with serving(port, GuestPortal) as portal:
            portal.offer("inspect")
            eventually(lambda: process.poll() is not None, "switching off", machine)

    assert portal.asked == ["boot", "done"]


@pytest.mark.boots
def test_a_report_is_sent_again_while_the_portal_is_busy(boot, portal):
    portal.offer("inspect")
    portal.statuses["done"] = [503, 503, 200]

    boot()

    assert portal.asked == ["boot", "done", "done", "done"]
    assert portal.result["ok"] is True
