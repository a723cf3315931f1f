"""A server that is switched on and off for ever, and by many at once."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.machines import console, install, up
from tests.provisioning.simulator.ssh_client import ask, is_open

pytestmark = pytest.mark.long


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    """Count the threads, without those that every event loop keeps to wait in for the system and never ends."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


def is_settled(machine) -> bool:
    """Tell whether a boot has come to its end, whichever that is."""
    is_busy = console(machine)[-1].startswith(("power on", "job"))
    return machine.sshd is not None or machine.setting.power == "Off" or not is_busy


def test_two_hundred_power_cycles_leave_nothing_behind(machine, spec, portal):
    install(machine)
    machine.reset("On")
    up(machine)
    ask(spec, "true")
    machine.reset("ForceOff")
    portal.offer("erase")
    files, before = open_files(), threads()

    for number in range(200):
        if number % 4 == 0:
            machine.override("UefiHttp", "Once", portal.boot_uri)
        machine.reset("On")
        if number % 2 == 0:
            until(lambda: is_settled(machine), limit_s=120)
        machine.reset("ForceOff")
    install(machine)
    machine.reset("On")
    until(lambda: machine.sshd)
    assert ask(spec, "hostname")[0] == "gpu-01\n"
    machine.reset("ForceOff")

    until(lambda: threads() <= before)
    until(lambda: open_files() <= files)
    assert not is_open(spec)


def test_power_commands_from_all_sides_leave_one_machine(machine, spec):
    install(machine)
    kinds = ["On", "ForceOff", "ForceRestart", "GracefulRestart", "GracefulShutdown"]
    before = threads()

    def press(seed):
        chosen = random.Random(seed)  # noqa: S311 - which button is pressed
        for _ in range(25):
            machine.reset(chosen.choice(kinds))

    pressing = [threading.Thread(target=press, args=(seed,)) for seed in range(8)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join(120)
    machine.reset("ForceRestart")
    until(lambda: machine.sshd)

    assert ask(spec, "hostname")[0] == "gpu-01\n"
    machine.reset("ForceOff")
    until(lambda: threads() <= before)
    assert not is_open(spec)
    assert not any("cannot start" in line for line in console(machine))
