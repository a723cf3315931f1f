"""The playbooks against the emulated fleet itself: sushy-tools' Redfish, one login per BMC, machines behind them."""

from __future__ import annotations

import json
import time

import pytest

from provisioning.fence import Fence, write_fence
from provisioning.runner import Run, run
from provisioning.simulator.faults import Fault, Faults
from provisioning.workspace import workspace
from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet

NAMES = ["srv_good", "srv_busy", "srv_stuck", "srv_hangs", "srv_swapped"]
MEDIA = "http://127.0.0.1:1/agent/v1/media/"
URI = f"{MEDIA}nobody-answers.iso"


@pytest.fixture(scope="module")
def emulated(tmp_path_factory, certificate):
    """The running emulator; gives (its folder, the inventory's hosts)."""
    folder = tmp_path_factory.mktemp("fleet")
    servers = [entry(number, name=name) for number, name in enumerate(NAMES)]
    port = write_fleet(folder, servers, cert=certificate[0], key=certificate[1])
    with running(folder):
        yield folder, hosts_of(port, certificate)


def hosts_of(port, certificate):
    return {
        name: {
            "bmc_address": f"https://127.0.0.1:{port}",
            "bmc_system_path": f"/redfish/v1/Systems/{uuid_of(number)}",
            "bmc_username": f"user{number}",
            "bmc_password": {"__ansible_unsafe": f"password-{number}"},
            "bmc_ca_file": str(certificate[0]),
            "bmc_timeout_s": 60,
            "server_serial": f"SN{number}",
            "boot_uri": URI,
            "boot_media_url": MEDIA,
            "boot_method": "virtual_media",
        }
        for number, name in enumerate(NAMES)
    }


def play(tmp_path, playbook, hosts, *, epoch):
    write_fence(tmp_path / "fence.json", Fence(epoch=epoch, expires_at=time.time() + 600))
    with workspace(tmp_path) as folder:
        return run(
            Run(
                playbook=playbook, inventory={"all": {"hosts": hosts}}, time_limit_s=200, fence=tmp_path / "fence.json",
                extra_vars={"fence_epoch": epoch},
                private_data_dir=folder, on_event=lambda event: None, should_stop=lambda: False,
            )
        )  # fmt: skip


def writes_of(folder, epoch):
    log = folder / "bmc.log"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line for line in lines if line["epoch"] == str(epoch)]


def setting_of(folder, name):
    return json.loads((folder / "state" / f"{name}.json").read_text())


def test_a_server_boots_once_from_the_network_and_power_off_unmakes_it(emulated, tmp_path):
    folder, hosts = emulated
    hosts = {"srv_good": hosts["srv_good"]}

    booted = play(tmp_path, "deploy_boot.yml", hosts, epoch=11)
    on = setting_of(folder, "srv_good")
    ended = play(tmp_path, "power_off.yml", hosts, epoch=12)

    assert (booted.status, ended.status) == ("successful", "successful")
    # The override was for one boot, and that boot took it.
    assert (on["power"], on["enabled"]) == ("On", "Disabled")
    assert "boot from Cd" in (folder / "console" / "srv_good.log").read_text()
    assert on["image"] == URI
    assert setting_of(folder, "srv_good") == {
        "power": "Off",
        "target": "None",
        "enabled": "Disabled",
        "uri": "",
        "image": "",
        "reset_at": on["reset_at"],
    }
    assert [line["body"] for line in writes_of(folder, 11)] == [
        {"Image": URI, "Inserted": True, "WriteProtected": True},
        {"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}},
        {"ResetType": "On"},
    ]
    assert [line["status"] for line in writes_of(folder, 11) + writes_of(folder, 12)] == [204] * 6


def test_each_broken_bmc_fails_alone_with_its_own_reason(emulated, tmp_path):
    folder, hosts = emulated
    faults = Faults(folder / "faults")
    faults.plant("srv_busy", Fault.BMC_REFUSES)
    faults.plant("srv_stuck", Fault.POWER_STUCK)
    faults.plant("srv_hangs", Fault.BMC_HANGS)
    # Two cables swapped: the address and login of one server, the record of another.
    swapped = {**hosts["srv_swapped"], "server_serial": "SN0"}
    # Only what hangs or lies is to run out of time, and must not take the test's.
    hangs = {**hosts["srv_hangs"], "bmc_timeout_s": 3}
    stuck = {**hosts["srv_stuck"], "boot_network_power_timeout_s": 1}
    changed = {"srv_swapped": swapped, "srv_hangs": hangs, "srv_stuck": stuck}

    result = play(tmp_path, "deploy_boot.yml", hosts | changed, epoch=21)

    for name in NAMES:
        faults.clear(name)
    assert {name: entry.error_code for name, entry in result.hosts.items()} == {
        "srv_good": "", "srv_busy": "bmc_refused", "srv_stuck": "power_state_mismatch", "srv_hangs": "bmc_timeout",
        "srv_swapped": "bmc_wrong_identity",
    }  # fmt: skip
    assert result.hosts["srv_busy"].error == "HTTP 503. The BMC says: the BMC is busy"
    assert {line["system"] for line in writes_of(folder, 21)} == {uuid_of(0), uuid_of(1), uuid_of(2)}


def test_the_login_of_one_bmc_opens_no_other(emulated, tmp_path):
    folder, hosts = emulated
    stranger = {**hosts["srv_swapped"], "bmc_username": "user0", "bmc_password": {"__ansible_unsafe": "password-0"}}

    result = play(tmp_path, "power_off.yml", {"srv_swapped": stranger}, epoch=31)

    assert result.hosts["srv_swapped"].error_code == "bmc_auth_failed"
    assert writes_of(folder, 31) == []
