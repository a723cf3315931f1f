"""A virtual machine's cable: QEMU has one end of it while it runs, its port on the switch the other."""

from __future__ import annotations

import stat
import sys
import threading
from dataclasses import replace

import pytest

from provisioning.simulator import virtual, vm
from provisioning.simulator.fleet import QEMU, Fleet
from provisioning.simulator.journal import Journal, Record
from provisioning.simulator.switch import Switches
from provisioning.simulator.virtual import VirtualMachine
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.machines import console
from tests.provisioning.virtual_machine import needs_qemu

pytestmark = needs_qemu

RED = 101
MAC = "02:4d:59:01:00:01"
PEER = ("leaf-1", "Ethernet2")
# What stands in for QEMU: it greets by the card that its options name, and stays.
GREETS = """\
#!{python}
import re, socket, sys, time
words = " ".join(sys.argv)
mac = bytes.fromhex(re.search("netdev=net1,mac=([0-9a-f:]+)", words)[1].replace(":", ""))
card = socket.socket(fileno=int(re.search("id=net1,local.type=fd,local.str=([0-9]+)", words)[1]))
card.send(bytes([255] * 6) + mac + bytes.fromhex("88b5") + b"hello")
time.sleep(600)
"""


@pytest.fixture
def qemu(tmp_path, monkeypatch):
    """Takes QEMU's place; gives its file."""
    path = tmp_path / "qemu"
    path.write_text(GREETS.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(vm, "QEMU", str(path))
    monkeypatch.setattr(virtual, "NEEDED", (str(path), "setpriv"))
    return path


@pytest.fixture
def switches(tmp_path, spec):
    mine = replace(spec, kind=QEMU, switch="leaf-1", port="Ethernet1", switched_mac=MAC)
    other = replace(mine, name="srv-2", port="Ethernet2")
    log = Journal(tmp_path / "switch.log", 10_000)
    found = Switches(Fleet("", 0, tmp_path, tmp_path, None, [mine, other]), tmp_path, Record(log), log)
    found.spec = mine
    return found


@pytest.fixture
def machine(qemu, switches, place):
    machine = VirtualMachine(switches.spec, replace(place, switches=switches))
    yield machine
    machine.power_down()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == machine.spec.name])


@pytest.fixture
def peer(switches):
    with switches.frames.plugged(PEER) as line:
        line.settimeout(60)
        yield line


def test_a_machine_has_its_card_on_its_port_at_each_start(machine, switches, peer):
    switches.move(*PEER, RED, None)
    switches.move("leaf-1", "Ethernet1", RED, None)
    greeting = b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) + b"\x88\xb5hello"

    machine.reset("On")
    heard = [peer.recv(100)]
    machine.reset("ForceRestart")
    heard.append(peer.recv(100))

    assert heard == [greeting, greeting]


def test_a_machine_that_hangs_on_no_switch_has_one_card(qemu, switches, place):
    bare = replace(switches.spec, switch="", port="", switched_mac="")
    alone = VirtualMachine(bare, replace(place, switches=switches))
    qemu.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv)\n")

    alone.reset("On")
    until(lambda: "[off]" in console(alone))

    words = (place.folder / "run" / "srv-1.log").read_text()
    assert "id=net0" in words
    assert "net1" not in words


def test_a_machine_that_cannot_be_started_leaves_no_cable(machine, qemu, switches):
    qemu.unlink()
    threads = set(threading.enumerate())

    machine.reset("On")
    until(lambda: machine.setting.power == "Off")
    until(lambda: set(threading.enumerate()) <= threads)

    assert console(machine)[-1] == "[off]"
