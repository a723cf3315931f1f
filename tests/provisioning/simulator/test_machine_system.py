"""What a server boots from its disk: SSH, host key, phone home; and what is left after a restart of the emulator."""

from __future__ import annotations

import asyncssh
import pytest

from provisioning.simulator.faults import Fault
from provisioning.simulator.machine import Machine
from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.machines import SEED, console, install, up
from tests.provisioning.simulator.ssh_client import KEY, OTHER_KEY, ask, host_key_of, is_open, public


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

    twin._begin("Hdd", "")
    until(lambda: any("sshd cannot start" in line and "in use" in line for line in console(machine)))
    machine.reset("ForceOff")
    install(machine, host_key="no key")
    other._begin("Hdd", "")
    until(lambda: sum("sshd cannot start" in line for line in console(machine)) == 2)

    assert (twin.sshd, other.sshd) == (None, None)
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
    machine.remember()

    again = Machine(spec, place)
    again.resume()
    until(lambda: again.setting.power == "Off")

    assert portal.said("done") != []


def test_the_rescue_system_lets_root_in_by_the_keys_of_its_job_and_leaves_the_disk_alone(machine, spec, portal):
    install(machine)
    before, key = machine.disk.path.read_bytes(), asyncssh.generate_private_key("ssh-ed25519")
    private = key.export_private_key().decode()
    portal.offer("rescue", hostname="gpu-01", ssh_authorized_keys=[public(OTHER_KEY)], host_key=private)
    machine.insert(portal.boot_uri)
    machine.override("Cd", "Once", "")

    machine.reset("On")
    until(lambda: portal.said("done"))
    machine.eject()

    assert portal.result == {"ok": True, "host_keys": [public(key)]}
    assert host_key_of(spec) == public(key)
    assert ask(spec, "cat /etc/os-release", key=OTHER_KEY, user="root")[0] == 'PRETTY_NAME="Rescue system"\n'
    assert ask(spec, "id", key=OTHER_KEY, user="root")[0] == "uid=0(root) gid=0(root)\n"
    for stranger in ({"key": OTHER_KEY}, {"key": KEY, "user": "root"}):
        with pytest.raises(asyncssh.PermissionDenied):
            ask(spec, "true", **stranger)
    assert machine.disk.path.read_bytes() == before
    until(lambda: "job rescue done: ok" in console(machine))
    assert machine.setting.power == "On"

    machine.reset("ForceOff")
    machine.reset("On")
    up_from_disk = lambda: is_open(spec) and host_key_of(spec) != public(key)  # noqa: E731
    until(up_from_disk)
    assert ask(spec, "id")[0] == "uid=1000(ubuntu) gid=1000(ubuntu)\n"


def test_a_rescue_system_without_a_usable_key_is_reported_and_switched_off(machine, portal):
    portal.offer("rescue", hostname="gpu-01", ssh_authorized_keys=[], host_key="no key")
    machine.override("UefiHttp", "Once", portal.boot_uri)

    machine.reset("On")
    until(lambda: machine.setting.power == "Off" and portal.said("done"))

    assert (portal.result["ok"], portal.result["error"]) == (False, "agent_error")
