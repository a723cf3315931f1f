"""Whole runs: playbook, role, plugin and runner over a batch of servers, some of them broken."""

from __future__ import annotations

import pytest

from provisioning.fence import drop_fence
from provisioning.runner import Run, run
from tests.playbooks.bmc_stand_in import CANARY, PASSWORD
from tests.playbooks.conftest import uuid_of


@pytest.fixture
def play(private_data_dir, fence_file):
    """Runs a playbook over {host: variables}; gives (result, events)."""

    def go(playbook, hosts, **extra):
        events = []
        variables = {"fence_epoch": 7, **extra}
        result = run(
            Run(
                playbook=playbook, inventory={"all": {"hosts": hosts}}, extra_vars=variables, time_limit_s=200,
                fence=fence_file, private_data_dir=private_data_dir, on_event=events.append, should_stop=lambda: False,
            )
        )  # fmt: skip
        return result, events

    return go


@pytest.mark.parametrize("playbook", ["deploy_boot.yml", "erase_boot.yml"])
def test_a_batch_boots_from_virtual_media(fleet, host_vars, play, playbook):
    hosts = {f"srv_{number}": host_vars(number) for number in range(4)}

    result, _ = play(playbook, hosts)

    assert result.status == "successful"
    assert [system["PowerState"] for system in fleet.systems.values()] == ["On"] * 4
    assert {system["Boot"]["BootSourceOverrideTarget"] for system in fleet.systems.values()} == {"Cd"}
    assert [drive["Image"] for drive in fleet.drives.values()] == [host["boot_uri"] for host in hosts.values()]
    steps = [step["step"] for step in result.hosts["srv_2"].facts["steps"]]
    assert steps == ["identify", "power_off", "insert_media", "boot_cd", "power_on"]


@pytest.mark.parametrize("playbook", ["deploy_boot.yml", "erase_boot.yml"])
def test_a_batch_boots_from_the_network(fleet, host_vars, play, playbook):
    hosts = {f"srv_{number}": host_vars(number, boot_method="uefi_http") for number in range(4)}

    result, events = play(playbook, hosts)

    assert result.status == "successful"
    assert [system["PowerState"] for system in fleet.systems.values()] == ["On"] * 4
    assert [system["Boot"]["HttpBootUri"] for system in fleet.systems.values()] == [
        host["boot_uri"] for host in hosts.values()
    ]
    facts = result.hosts["srv_2"].facts
    assert (facts["serial"], facts["power_state"]) == ("SN0002", "On")
    assert [step["step"] for step in facts["steps"]] == ["identify", "power_off", "boot_http", "power_on"]
    assert {(event.host, event.status) for event in events if event.task.startswith("Start the server")} == {
        (host, status) for host in hosts for status in ("started", "ok")
    }


def test_each_broken_server_fails_alone_with_its_own_reason(fleet, host_vars, play):
    CANARY.unlink(missing_ok=True)
    faults = {
        "srv_1": ("hang", "bmc_timeout"),
        "srv_2": ("huge", "bmc_refused"),
        "srv_3": ("error_500", "bmc_refused"),
        "srv_4": ("power_lie", "power_state_mismatch"),
        "srv_5": ("template", "bmc_refused"),
        "srv_6": ("no_serial", "bmc_wrong_identity"),
    }
    hosts = {f"srv_{number}": host_vars(number) for number in range(9)}
    for host, (fault, _) in faults.items():
        fleet.faults[uuid_of(hosts[host])] = fault
    hosts["srv_7"]["bmc_password"] = {"__ansible_unsafe": "wr0ng-password"}
    del hosts["srv_8"]["server_serial"]
    # Only what hangs or lies is to run out of time, and must not take the test's.
    hosts["srv_1"]["bmc_timeout_s"] = 1
    hosts["srv_4"]["boot_network_power_timeout_s"] = 0.5

    result, events = play("deploy_boot.yml", hosts)

    assert result.status == "failed"
    assert {host: entry.error_code for host, entry in result.hosts.items()} == {
        "srv_0": "", **{host: code for host, (_, code) in faults.items()},
        "srv_7": "bmc_auth_failed", "srv_8": "bad_variables",
    }  # fmt: skip
    assert result.hosts["srv_0"].ok
    assert all(entry.error for host, entry in result.hosts.items() if host != "srv_0")
    assert not CANARY.exists()
    assert PASSWORD not in repr((result, events))
    assert "wr0ng" not in repr((result, events))


def test_a_run_whose_fence_is_lost_writes_nothing(fleet, host_vars, play, fence_file):
    drop_fence(fence_file)

    result, _ = play("deploy_boot.yml", {"srv_1": host_vars(1)})

    assert result.hosts["srv_1"].error_code == "fence_lost"
    assert fleet.writes == []


def test_from_disk_only_once_the_server_is_off(fleet, host_vars, play):
    hosts = {"srv_1": host_vars(1), "srv_2": host_vars(2)}
    stuck = uuid_of(hosts["srv_2"])
    fleet.systems[stuck]["PowerState"] = "On"
    fleet.faults[stuck] = "power_lie"
    hosts["srv_2"] |= {"boot_disk_power_timeout_s": 0.5, "boot_disk_grace_s": 0.2}

    result, _ = play("boot_disk.yml", hosts)

    assert result.hosts["srv_1"].ok
    assert fleet.systems[uuid_of(hosts["srv_1"])]["Boot"]["BootSourceOverrideTarget"] == "Hdd"
    assert result.hosts["srv_2"].error_code == "power_off_timeout"
    assert [write["body"] for write in fleet.writes if write["system"] == stuck] == [{"ResetType": "ForceOff"}]


def test_power_off_unmakes_both_boots_and_may_be_repeated(fleet, host_vars, play, private_data_dir):
    hosts = {"srv_1": host_vars(1), "srv_2": host_vars(2)}
    boot = {"BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": "http://x/"}
    fleet.systems[uuid_of(hosts["srv_1"])] |= {"PowerState": "On", "Boot": boot}
    fleet.drives[uuid_of(hosts["srv_2"])] = {"Image": hosts["srv_2"]["boot_uri"], "Inserted": True}

    result, _ = play("power_off.yml", hosts)

    assert result.status == "successful"
    for system in fleet.systems.values():
        assert system["PowerState"] == "Off"
        assert system["Boot"]["BootSourceOverrideEnabled"] == "Disabled"
    assert {drive["Inserted"] for drive in fleet.drives.values()} == {False}
