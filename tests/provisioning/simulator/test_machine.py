"""A server behind its BMC: power commands, and what the next boot is from."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from provisioning.simulator.disk import CHUNK
from provisioning.simulator.faults import Fault
from provisioning.simulator.machine import Machine
from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.machines import console, install, state
from tests.provisioning.simulator.ssh_client import is_open


def test_an_override_for_once_is_used_up_by_the_boot_that_takes_it(machine, portal):
    portal.offer("erase")
    machine.override("UefiHttp", "Once", portal.boot_uri)

    machine.reset("On")
    until(lambda: machine.setting.power == "Off")
    machine.reset("On")
    until(lambda: "no bootable device" in console(machine))

    assert portal.asked.count("boot") == 1
    left = {"power": "On", "target": "None", "enabled": "Disabled", "uri": "", "image": ""}
    assert state(machine) == {**left, "reset_at": machine.setting.reset_at}


def test_a_continuous_override_stays(machine, portal):
    portal.offer("erase")
    machine.override("UefiHttp", "Continuous", portal.boot_uri)

    for boots in (1, 2):
        machine.reset("On")
        until(lambda: machine.setting.power == "Off")
        assert portal.asked.count("boot") == boots

    assert state(machine)["uri"] == portal.boot_uri


def test_a_disabled_override_is_none(machine, portal):
    machine.override("UefiHttp", "Disabled", portal.boot_uri)

    machine.reset("On")
    until(lambda: "no bootable device" in console(machine))

    assert portal.asked == []


def test_many_commands_at_once_are_one_boot(machine, portal):
    portal.image = image_of(400_000)
    portal.held_at = 1000
    portal.offer("image")
    machine.override("UefiHttp", "Once", portal.boot_uri)
    threads = [threading.Thread(target=machine.reset, args=("On",)) for _ in range(16)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert portal.reached.wait(60)

    assert portal.asked.count("boot") == 1
    assert [line for line in console(machine) if line.startswith("power on")] == ["power on, boot from UefiHttp"]


@pytest.mark.parametrize(
    "before,kind,after",
    [
        ("Off", "On", "On"), ("Off", "ForceOn", "On"), ("Off", "Nmi", "Off"), ("Off", "ForceOff", "Off"),
        ("Off", "ForceRestart", "On"), ("On", "On", "On"), ("On", "Nmi", "On"), ("On", "ForceOff", "Off"),
        ("On", "GracefulShutdown", "Off"), ("On", "GracefulRestart", "On"),
    ],
)  # fmt: skip
def test_reset_types(machine, before, kind, after):
    if before == "On":
        machine.reset("On")
    life = machine.life

    machine.reset(kind)

    assert machine.setting.power == after
    assert Machine(machine.spec, machine.place).setting.power == after  # also after a restart of the emulator
    assert (machine.life is not life) == (after == "On" and (before == "Off" or kind == "GracefulRestart"))


@pytest.mark.parametrize("kind", ["", "on", "Banana", "PowerCycle", None])
def test_an_unknown_reset_type_is_refused(machine, kind):
    with pytest.raises(ValueError, match="unsupported ResetType"):
        machine.reset(kind)

    assert machine.setting.power == "Off"
    assert not (machine.place.folder / "state").exists()


def test_power_off_in_the_middle_ends_the_writing_and_the_next_boot_does_its_own(place, spec, portal):
    machine = Machine(replace(spec, disk_bytes=4 * CHUNK), place)
    portal.image = image_of(3 * CHUNK)
    portal.held_at = 2 * CHUNK - 1000
    portal.offer("image")
    machine.override("UefiHttp", "Once", portal.boot_uri)
    machine.reset("On")
    assert portal.reached.wait(60)
    until(lambda: machine.disk.read(CHUNK - 1, 1) != b"\0")

    machine.reset("ForceOff")
    at_the_end = machine.disk.path.read_bytes()
    portal.held_at = None
    portal.offer("erase")
    machine.override("UefiHttp", "Once", portal.boot_uri)
    machine.reset("On")
    # The next boot waits for nothing of the one before, which still hangs in its download.
    until(lambda: portal.said("done"))
    portal.go_on.set()
    until(lambda: console(machine).count("power lost") == 1)

    assert at_the_end == portal.image[:CHUNK] + bytes(3 * CHUNK)
    assert portal.result["ok"] is True
    assert machine.disk.path.read_bytes() == bytes(machine.disk.size)


def test_a_boot_that_ends_late_does_not_switch_off_the_next_one(machine, portal):
    portal.offer("erase")
    machine.override("UefiHttp", "Once", portal.boot_uri)
    portal.on_report = lambda path: machine.reset("ForceRestart") if path == "done" else None

    machine.reset("On")
    until(lambda: {"job erase done: ok", "no bootable device"} <= set(console(machine)))
    until(lambda: "srv-1" not in {thread.name for thread in threading.enumerate()})

    assert machine.setting.power == "On"


def test_a_boot_that_waits_for_its_turn_gives_it_up_with_the_power(machine, portal):
    for _ in range(4):
        machine.place.gate.acquire()
    machine.override("UefiHttp", "Once", portal.boot_uri)
    machine.reset("On")
    until(lambda: console(machine))

    machine.reset("ForceOff")
    until(lambda: "power lost" in console(machine))

    assert portal.asked == []
    assert not machine.place.gate.acquire(blocking=False)


def test_lies_and_stuck_power(machine, spec, faults):
    install(machine)
    faults.plant("srv-1", Fault.POWER_STUCK)
    machine.reset("On")
    assert machine.setting.power == "Off"

    faults.plant("srv-1", Fault.POWER_LIE)
    machine.reset("On")

    assert machine.setting.power == "On"
    assert console(machine) == []
    assert not is_open(spec)
