"""Machines with an operating system on their disk, and what can be seen of them from outside."""

from __future__ import annotations

import json

from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import until
from tests.provisioning.simulator.ssh_client import KEY, public

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
