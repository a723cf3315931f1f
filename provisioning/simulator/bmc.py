"""The BMCs: OpenStack's sushy-tools emulator with a driver of ours, and a front of ours before it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sushy_tools.emulator import main as emulator

from provisioning.simulator.chassis import Chassis
from provisioning.simulator.driver import Driver
from provisioning.simulator.front import Front
from provisioning.simulator.journal import Journal, Record

MOST_BYTES = 64 * 1024
"""Longest request body that a BMC reads."""


def build(machines: dict[str, Chassis], folder: Path, log: Journal, record: Record) -> Callable[..., Any]:
    """Return the emulator as a WSGI application over ``machines``, whose writes go into ``log``.

    Once in a process: it is sushy-tools' own module.
    """
    driver = Driver(machines)
    front = Front(driver, log, record)
    app = emulator.app
    app.config["SUSHY_EMULATOR_FAKE_DRIVER"] = True
    app.config["SUSHY_EMULATOR_STATE_DIR"] = str(folder)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    class Plug:
        """What the emulator calls to make its driver."""

        @staticmethod
        def initialize(_config: object, _logger: object) -> Callable[[], Driver]:
            return lambda: driver

    emulator.fakedriver.FakeDriver = Plug
    app.before_request(front.before)
    app.after_request(front.after)
    wsgi: Callable[..., Any] = app
    return wsgi
