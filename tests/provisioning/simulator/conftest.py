"""Machines in this process, a portal to boot them from, and keys to log in with."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace

import pytest

from portal.launcher import tls
from provisioning.simulator.chassis import Place
from provisioning.simulator.disk import IMAGE_HEADER_BYTES, IMAGE_MAGIC, Disk
from provisioning.simulator.faults import Faults
from provisioning.simulator.fleet import Spec, Timings
from provisioning.simulator.machine import Machine
from provisioning.simulator.power import Power
from provisioning.simulator.ramdisk import Body
from provisioning.simulator.sshd import Loop
from tests.provisioning.simulator.emulator import entry
from tests.provisioning.simulator.portal_stand_in import serving

AT_ONCE = Timings(power_on_s=0, image_min_s=0, boot_s=0, erase_min_s=0)


def image_of(size: int) -> bytes:
    """An image with a readable header and no zero byte behind it."""
    header = json.dumps({"magic": IMAGE_MAGIC, "os": "Test Linux 1"}).encode().ljust(IMAGE_HEADER_BYTES)
    payload = random.Random(size).randbytes(size - len(header))  # noqa: S311 - filler, not a secret
    return header + payload.replace(b"\0", b"\1")


@pytest.fixture
def portal():
    with serving() as portal:
        portal.image = image_of(150_000)
        yield portal


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    """Machines ask again after thousandths of a second."""
    monkeypatch.setattr("provisioning.simulator.agent.FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr("provisioning.simulator.ramdisk.FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr("provisioning.simulator.ramdisk.REPORT_EVERY_S", 0)


@pytest.fixture(scope="session")
def loop():
    return Loop()


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture
def place(tmp_path, loop, faults):
    return Place(tmp_path, faults, lambda: AT_ONCE, loop, threading.Semaphore(4))


@pytest.fixture
def spec():
    return Spec(**entry(1))


@pytest.fixture
def machine(spec, place):
    machine = Machine(spec, place)
    yield machine
    machine.power_down()


@pytest.fixture
def make_body(tmp_path, spec, faults):
    """Builds what a ramdisk sees of a machine; its console is the list `lines`."""

    def build(power: Power | None = None, *, disk_bytes: int = spec.disk_bytes, guarded: bool = True) -> Body:
        power = power or Power()
        guard = {"guard": power.held} if guarded else {}
        disk = Disk(tmp_path / "disk.img", disk_bytes, **guard)
        build.lines = []
        fresh = replace(spec, disk_bytes=disk_bytes)
        return Body(fresh, disk, AT_ONCE, power, lambda fault: faults.has(spec.name, fault), build.lines.append)

    return build


@pytest.fixture(scope="session")
def demo_tls(tmp_path_factory):
    """The certificates that the demo makes for its BMCs."""
    return tls.ensure(tmp_path_factory.mktemp("demo") / "tls", "127.0.0.1")
