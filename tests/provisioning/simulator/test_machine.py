"""A server behind its BMC: power, boot override, what it boots, and what is left of it after a restart."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from provisioning.simulator.disk import CHUNK
from provisioning.simulator.faults import Fault
from provisioning.simulator.machine import Machine
from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.ssh_client import KEY, ask, host_key_of, is_open, public

SEED = {"hostname": "gpu-01", "ssh_user": "ubuntu", "ssh_authorized_keys": [public(KEY)]}


def install(machine, **changes) -> None:
    machine.disk.write(0, image_of(100_000))
    machine.disk.write_seed({**SEED, **changes})


def console(machine) -> list[str]:
    path = machine.journal.path
    return path.read_text().splitlines() if path.exists() else []


def state(machine) -> dict:
    return json.loads((machine.place.folder / "state" / "srv-1.json").read_text())


def up(machine) -> None:
    until(lambda: "gpu-01 is up" in console(machine))


def test_an_override_for_once_is_used_up_by_the_boot_that_takes_it(machine, portal):
    portal.offer("erase")
    machine.override("UefiHttp", "Once", portal.boot_uri)

    machine.reset("On")
    until(lambda: machine.setting.power == "Off")
    machine.reset("On")
    until(lambda: "no bootable device" in console(machine))

    assert portal.asked.count("boot") == 1
    assert state(machine) == {"power": "On", "target": "None", "enabled": "Disabled", "uri": ""}


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
        thread.join(10)
    assert portal.reached.wait(10)

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

    assert (machine.setting.power, state(machine)["power"] if after == "On" else after) == (after, after)
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
    assert portal.reached.wait(10)
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


def test_a_machine_without_an_operating_system_opens_no_ssh(machine, spec):
    machine.disk.write_seed(SEED)

    machine.reset("On")
    until(lambda: "no bootable device" in console(machine))

    assert not is_open(spec)
    assert machine.setting.power == "On"


def test_a_machine_without_a_seed_opens_no_ssh(machine, spec):
    machine.disk.write(0, image_of(100_000))

    machine.reset("On")
    until(lambda: "no seed on the disk" in console(machine))

    assert not is_open(spec)


@pytest.mark.parametrize("target", ["Pxe", "UefiHttp"])
def test_a_network_boot_that_nobody_answers_goes_on_to_the_disk(machine, spec, target):
    install(machine)
    machine.override(target, "Once", "")

    machine.reset("On")
    up(machine)

    assert ask(spec, "hostname") == ("gpu-01\n", "", 0)


def test_it_phones_home_once_with_the_host_key_that_it_serves(machine, spec, portal):
    install(machine, phone_home={"url": portal.url("phone-home"), "token": "home"})

    machine.reset("On")
    until(lambda: portal.reports)

    assert portal.reports == [("phone-home", "Bearer home", {"hostname": "gpu-01", "host_keys": [host_key_of(spec)]})]


def test_a_wrong_host_key_is_told_where_another_is_served(machine, spec, portal, faults):
    faults.plant("srv-1", Fault.SSH_WRONG_HOST_KEY)
    install(machine, phone_home={"url": portal.url("phone-home"), "token": "home"})

    machine.reset("On")
    until(lambda: portal.reports)

    (told,) = portal.reports[0][2]["host_keys"]
    assert told.startswith("ssh-ed25519 ")
    assert told != host_key_of(spec)


@pytest.mark.parametrize("home", [{"url": "http://127.0.0.1:1/"}, {"url": "http://[x", "token": "é"}, ["x"], None])
def test_a_home_that_makes_no_sense_does_not_stop_the_machine(machine, spec, home):
    install(machine, phone_home=home)

    machine.reset("On")
    up(machine)

    assert ask(spec, "hostname") == ("gpu-01\n", "", 0)


def test_who_does_not_phone_home_is_up_all_the_same(machine, spec, portal, faults):
    faults.plant("srv-1", Fault.NO_PHONE_HOME)
    install(machine, phone_home={"url": portal.url("phone-home"), "token": "home"})

    machine.reset("On")
    up(machine)

    assert ask(spec, "true") == ("", "", 0)
    assert portal.asked == []


def test_the_host_key_is_its_own_and_stays_over_reboots(machine, spec):
    install(machine)
    machine.reset("On")
    up(machine)
    first = host_key_of(spec)

    machine.reset("ForceRestart")
    until(lambda: console(machine).count("gpu-01 is up") == 2)
    second = host_key_of(spec)
    machine.reset("ForceOff")
    install(machine)
    machine.reset("On")
    until(lambda: console(machine).count("gpu-01 is up") == 3)

    assert first == second
    assert host_key_of(spec) != first


def test_a_taken_address_and_a_broken_host_key_are_on_the_console(machine, place, spec):
    install(machine)
    machine.reset("On")
    up(machine)
    twin = Machine(spec, place)
    other = Machine(spec, place)

    twin._start("Hdd", "")
    until(lambda: any("sshd cannot start" in line and "in use" in line for line in console(machine)))
    machine.reset("ForceOff")
    install(machine, host_key="no key")
    other._start("Hdd", "")
    until(lambda: sum("sshd cannot start" in line for line in console(machine)) == 2)

    assert (twin.sshd, other.sshd) == (None, None)
    assert not is_open(spec)


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


def test_after_a_restart_of_the_emulator_what_was_on_comes_up_again(machine, place, spec):
    install(machine)
    machine.reset("On")
    up(machine)
    key = host_key_of(spec)
    # The process ends: no power action, no change of what is remembered.
    machine.life.cut()
    machine.sshd.stop()

    again = Machine(spec, place)
    again.resume()
    until(lambda: console(machine).count("gpu-01 is up") == 2)
    found = (again.setting.power, ask(spec, "hostname")[0], host_key_of(spec))
    again.power_down()
    Machine(spec, place).resume()

    assert found == ("On", "gpu-01\n", key)
    assert not is_open(spec)


@pytest.mark.parametrize("text", ["", "[]", '{"power": "On", "more": 1}', "{"])
def test_a_state_that_cannot_be_read_is_off(spec, place, text):
    path = place.folder / "state" / "srv-1.json"
    path.parent.mkdir()
    path.write_text(text)

    assert Machine(spec, place).setting.power == "Off"


def test_only_a_lasting_override_survives_a_restart_as_boot_source(machine, place, portal, spec):
    portal.offer("erase")
    machine.override("UefiHttp", "Continuous", portal.boot_uri)
    machine.setting.power = "On"
    machine._remember()

    again = Machine(spec, place)
    again.resume()
    until(lambda: again.setting.power == "Off")

    assert portal.said("done") != []


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_two_hundred_power_cycles_leave_nothing_behind(machine, spec, portal):
    install(machine)
    machine.reset("On")
    up(machine)
    ask(spec, "true")
    machine.reset("ForceOff")
    portal.offer("erase")
    files, threads = open_files(), threading.active_count()

    for number in range(200):
        if number % 4 == 0:
            machine.override("UefiHttp", "Once", portal.boot_uri)
        machine.reset("On")
        if number % 2 == 0:
            until(
                lambda: machine.sshd is not None or machine.setting.power == "Off" or "no boot" in console(machine)[-1]
            )
        machine.reset("ForceOff")
    install(machine)
    machine.reset("On")
    until(lambda: machine.sshd)
    assert ask(spec, "hostname")[0] == "gpu-01\n"
    machine.reset("ForceOff")

    until(lambda: threading.active_count() <= threads)
    until(lambda: open_files() <= files)
    assert not is_open(spec)


def test_power_commands_from_all_sides_leave_one_machine(machine, spec):
    install(machine)
    kinds = ["On", "ForceOff", "ForceRestart", "GracefulRestart", "GracefulShutdown"]
    threads = threading.active_count()

    def press(seed):
        chosen = random.Random(seed)  # noqa: S311 - which button is pressed
        for _ in range(25):
            machine.reset(chosen.choice(kinds))

    pressing = [threading.Thread(target=press, args=(seed,)) for seed in range(8)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join(60)
    machine.reset("ForceRestart")
    until(lambda: machine.sshd)

    assert ask(spec, "hostname")[0] == "gpu-01\n"
    machine.reset("ForceOff")
    until(lambda: threading.active_count() <= threads)
    assert not is_open(spec)
    assert not any("cannot start" in line for line in console(machine))


def test_a_key_of_the_disk_is_what_asyncssh_wrote(machine):
    install(machine)
    machine.reset("On")
    up(machine)

    key = machine.disk.read_seed()["host_key"]

    assert asyncssh.import_private_key(key).get_algorithm() == "ssh-ed25519"
