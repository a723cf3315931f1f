"""What the emulated switches forward: frames of machines in one network, and nothing into or out of any other."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter

import pytest

from provisioning.simulator import frames
from provisioning.simulator.frames import LONGEST, Frames
from tests.provisioning.simulator.emulator import until

RED, BLUE = 101, 102
TYPE = b"\x88\xb5"
"""For local experiments (IEEE 802)."""
HEADER_BYTES = 14
EVERYBODY = b"\xff" * 6


class Vlans(dict):
    """Where ports are; counts how often that was looked up, which a switch does first with each frame."""

    def __init__(self):
        self.looked = Counter()

    def get(self, port, default=None):
        self.looked[port] += 1
        return super().get(port, default)


class Yard:
    def __init__(self, cables):
        self.vlans, self.lock, self.cables = Vlans(), threading.Lock(), cables
        self.frames = Frames(self.vlans, self.lock)

    def put(self, machine, vlan):
        with self.lock:
            self.vlans[machine.port] = vlan

    def machine(self, port, vlan, number):
        return Machine(self, port, vlan, number)


class Machine:
    """A machine behind a port, which is in a VLAN to begin with."""

    def __init__(self, yard, port, vlan, number):
        self.yard, self.port, self.address = yard, port, bytes((2, 0, 0, 0, 0, number))
        yard.put(self, vlan)
        self.line = yard.cables.enter_context(yard.frames.plugged(port))

    def say(self, word, to=EVERYBODY, source=None):
        """Send a frame and wait until the switch is done with it."""
        self.send(to + (source or self.address) + TYPE + word.encode())

    def send(self, frame):
        before = self.yard.vlans.looked[self.port]
        self.line.send(frame)
        until(lambda: self.yard.vlans.looked[self.port] > before)
        with self.yard.lock:
            pass

    def heard(self):
        """What has come since this was asked last."""
        words = []
        self.line.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                words.append(self.line.recv(LONGEST)[HEADER_BYTES:].decode())
        return words


@pytest.fixture
def yard():
    with contextlib.ExitStack() as cables:
        yield Yard(cables)


@pytest.fixture
def three(yard):
    """Three machines on one switch, in one network."""
    return [yard.machine(("leaf-1", f"Ethernet{number}"), RED, number) for number in (1, 2, 3)]


def test_machines_in_one_network_hear_each_other(three):
    first, second, third = three

    first.say("to all")
    second.say("answer", to=first.address)

    assert (first.heard(), second.heard(), third.heard()) == (["answer"], ["to all"], ["to all"])


def test_another_network_hears_nothing_and_is_not_heard(yard, three):
    first, second, third = three
    yard.put(third, BLUE)

    first.say("red")
    first.say("red for one", to=third.address)
    third.say("blue")
    third.say("blue for one", to=first.address)

    assert second.heard() == ["red", "red for one"]
    assert (first.heard(), third.heard()) == ([], [])


def test_a_port_in_no_network_hears_nothing_and_is_not_heard(yard, three):
    first, second, third = three
    yard.put(third, None)

    first.say("one")
    third.say("lost")
    yard.put(first, None)
    first.say("lost too")

    assert (first.heard(), second.heard(), third.heard()) == ([], ["one"], [])


def test_the_same_vlan_of_another_switch_is_another_network(yard, three):
    elsewhere = yard.machine(("leaf-2", "Ethernet1"), RED, 9)

    three[0].say("here")
    elsewhere.say("there")

    assert three[1].heard() == ["here"]
    assert (elsewhere.heard(), three[0].heard()) == ([], [])


def test_what_is_for_one_goes_to_that_one_where_it_was_seen(three):
    first, second, third = three

    first.say("who is there", to=second.address)
    second.say("I", to=first.address)
    first.say("good", to=second.address)

    assert (second.heard(), third.heard()) == (["who is there", "good"], ["who is there"])
    assert first.heard() == ["I"]


def test_a_port_that_was_moved_gets_nothing_of_where_it_was(yard, three):
    first, second, third = three
    second.say("here I am")
    first.say("before", to=second.address)

    yard.put(second, BLUE)
    first.say("after", to=second.address)
    second.say("from blue", to=first.address)
    yard.put(second, RED)
    first.say("again", to=second.address)

    assert second.heard() == ["before", "again"]
    assert first.heard() == ["here I am"]
    assert third.heard() == ["here I am", "after"]


def test_a_machine_is_found_behind_another_port_as_soon_as_it_speaks(three):
    first, second, third = three
    second.say("here I am")

    third.say("now here", source=second.address)
    first.say("to you", to=second.address)

    assert (second.heard(), third.heard()) == (["now here"], ["here I am", "to you"])


def test_where_a_machine_was_seen_is_forgotten(three, monkeypatch):
    first, second, third = three
    second.say("here I am")
    monkeypatch.setattr(frames, "AGE_S", 0.0)

    first.say("where are you", to=second.address)

    assert (second.heard(), third.heard()) == (["where are you"], ["here I am", "where are you"])


def test_a_machine_that_makes_up_addresses_fills_no_memory(three, monkeypatch):
    first, second, third = three
    monkeypatch.setattr(frames, "MOST_LEARNED", 4)
    second.say("here I am")
    first.say("to you", to=second.address)

    for number in range(20, 24):
        third.say("I am many", source=bytes((2, 0, 0, 0, 0, number)))
    first.say("where are you", to=second.address)

    assert second.heard() == ["to you", *["I am many"] * 4, "where are you"]
    assert third.heard() == ["here I am", "where are you"]


def test_an_address_of_several_is_nobodys_own(three):
    first, second, third = three
    group = bytes.fromhex("01005e000001")
    second.say("forged", source=group)

    first.say("to the group", to=group)

    assert (second.heard(), third.heard()) == (["to the group"], ["forged", "to the group"])


@pytest.mark.parametrize("length,passes", [(LONGEST, True), (LONGEST + 1, False), (20_000, False), (13, False)])
def test_a_frame_has_its_limits(three, length, passes):
    first, second, third = three

    first.send((EVERYBODY + first.address + TYPE + b"x" * length)[:length])
    first.say("next")

    assert [len(word) + HEADER_BYTES for word in third.heard()[:-1]] == ([length] if passes else [])
    assert second.heard()[-1] == "next"


def test_a_machine_that_is_gone_or_does_not_read_stops_nobody(three):
    first, second, third = three
    first.line.close()

    for _ in range(60):
        second.say("x" * 9000)
    third.say("to those who read", to=second.address)
    heard = len(third.heard())
    second.say("and back")

    assert 0 < heard < 60
    assert (second.heard(), third.heard()) == (["to those who read"], ["and back"])


def test_a_machine_that_was_started_anew_has_the_port_and_the_former_has_not(yard, three):
    first, second, third = three
    again = yard.machine(second.port, RED, 2)

    second.line.send(EVERYBODY + second.address + TYPE + b"from a former life")
    again.say("up again")

    assert (first.heard(), third.heard()) == (["up again"], ["up again"])
    third.say("welcome", to=again.address)
    assert (again.heard(), second.heard()) == (["welcome"], [])


def test_nothing_of_a_machine_is_left_when_its_cable_is_pulled(yard):
    port = ("leaf-1", "Ethernet7")
    before = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))

    with yard.frames.plugged(port):
        assert set(threading.enumerate()) != before[0]

    assert (set(threading.enumerate()), len(os.listdir("/proc/self/fd"))) == before
