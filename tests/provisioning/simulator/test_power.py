"""One life of a machine ends at once, and nothing of it happens afterwards."""

from __future__ import annotations

import threading
import time

import pytest

from provisioning.simulator.power import Power, PowerLost


def test_a_life_ends_once_and_for_all():
    power = Power()
    power.check()
    with power.held():
        pass

    power.cut()

    assert power.lost
    with pytest.raises(PowerLost):
        power.check()
    with pytest.raises(PowerLost):
        power.pause(0)
    with pytest.raises(PowerLost), power.held():
        pytest.fail("held after the end")


def test_a_pause_ends_with_the_power():
    power = Power()
    threading.Timer(0.05, power.cut).start()
    started = time.monotonic()

    with pytest.raises(PowerLost):
        power.pause(150)

    assert time.monotonic() - started < 100


def test_the_cut_waits_for_what_is_being_done():
    power, inside, leave, order = Power(), threading.Event(), threading.Event(), []

    def work():
        with power.held():
            inside.set()
            leave.wait(60)
            order.append("work")

    def cut():
        power.cut()
        order.append("cut")

    threads = [threading.Thread(target=work), threading.Thread(target=cut)]
    threads[0].start()
    assert inside.wait(60)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(60)

    assert order == ["work", "cut"]
