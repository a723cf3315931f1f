"""What a tenant asks to be done with power, played on the emulated fleet: each play looks before it acts."""

from __future__ import annotations

import json

import pytest

from provisioning.simulator.faults import Fault, Faults
from tests.playbooks.test_emulated_fleet import NAMES, hosts_of, play, setting_of, writes_of
from tests.provisioning.simulator.emulator import entry, running, write_fleet

CYCLE, REBOOT = ("power_off.yml", "power_on.yml"), ("shut_down.yml", "power_on.yml")


@pytest.fixture(scope="module")
def machine(tmp_path_factory, certificate):
    """One emulated server that is on; gives (the fleet's folder, its host)."""
    folder = tmp_path_factory.mktemp("power")
    port = write_fleet(folder, [entry(0, name=NAMES[0])], cert=certificate[0], key=certificate[1])
    with running(folder):
        yield folder, {NAMES[0]: hosts_of(port, certificate)[NAMES[0]]}


def resets(folder, epoch):
    return [line["body"]["ResetType"] for line in writes_of(folder, epoch) if "ResetType" in line["body"]]


def test_a_reboot_shuts_down_and_starts_and_doing_it_again_interrupts_nothing(machine, tmp_path):
    folder, hosts = machine
    play(tmp_path, "power_on.yml", hosts, epoch=1)

    for playbook in REBOOT:
        assert play(tmp_path, playbook, hosts, epoch=2).status == "successful"
    assert play(tmp_path, "power_on.yml", hosts, epoch=3).status == "successful"

    assert resets(folder, 2) == ["GracefulShutdown", "On"]
    assert resets(folder, 3) == [], "a take-over of the last step finds it done"
    assert setting_of(folder, NAMES[0])["power"] == "On"


def test_a_cycle_that_is_taken_over_between_off_and_on_is_only_switched_on(machine, tmp_path):
    folder, hosts = machine
    play(tmp_path, "power_on.yml", hosts, epoch=11)
    play(tmp_path, "power_off.yml", hosts, epoch=12)

    for playbook in CYCLE:
        assert play(tmp_path, playbook, hosts, epoch=13).status == "successful"

    assert resets(folder, 12) == ["ForceOff"]
    assert resets(folder, 13) == ["On"]


def test_the_medium_of_a_rescue_comes_out_under_the_running_server_once(machine, tmp_path):
    folder, hosts = machine
    assert play(tmp_path, "rescue_boot.yml", hosts, epoch=31).status == "successful"
    assert setting_of(folder, NAMES[0])["image"] == hosts[NAMES[0]]["boot_uri"]

    for epoch in (32, 33):
        assert play(tmp_path, "eject_media.yml", hosts, epoch=epoch).status == "successful"

    left = setting_of(folder, NAMES[0])
    assert (left["power"], left["image"], left["enabled"]) == ("On", "", "Disabled"), "the next start is from disk"
    assert [len(writes_of(folder, epoch)) for epoch in (32, 33)] == [1, 0], "what is out is not taken out again"
    impatient = {NAMES[0]: {**hosts[NAMES[0]], "boot_disk_grace_s": 1}}
    assert play(tmp_path, "boot_disk.yml", impatient, epoch=34).status == "successful"
    assert resets(folder, 34) == ["ForceOff", "On"]


def test_a_server_that_does_not_switch_is_not_said_to_have(machine, tmp_path):
    folder, hosts = machine
    play(tmp_path, "power_on.yml", hosts, epoch=21)
    faults = Faults(folder / "faults")
    faults.plant(NAMES[0], Fault.POWER_STUCK)
    impatient = {NAMES[0]: {**hosts[NAMES[0]], "shut_down_grace_s": 1, "shut_down_power_timeout_s": 1}}

    result = play(tmp_path, "shut_down.yml", impatient, epoch=22)

    faults.clear(NAMES[0])
    assert result.hosts[NAMES[0]].error_code == "power_off_timeout"
    assert resets(folder, 22) == ["GracefulShutdown", "ForceOff"]
    assert json.loads((folder / "state" / f"{NAMES[0]}.json").read_text())["power"] == "On"
