"""What a machine makes of the portal's answers, and of none."""

from __future__ import annotations

import threading
import time

import pytest

from provisioning.simulator.agent import ATTEMPTS, Agent, DownloadFailed, Refused, Unreachable
from provisioning.simulator.power import Power, PowerLost
from tests.provisioning.simulator.emulator import free_port
from tests.provisioning.simulator.portal_stand_in import serving


@pytest.fixture
def agent():
    with Agent(Power()) as agent:
        yield agent


def test_a_job_is_fetched_and_a_report_carries_the_token(agent, portal):
    portal.offer("erase")

    job = agent.fetch_job(portal.boot_uri)
    agent.post(portal.url("done"), "tok", {"ok": True})

    assert job == portal.job
    assert portal.reports == [("done", "Bearer tok", {"ok": True})]


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 410])
def test_a_no_is_not_asked_again(agent, portal, status):
    portal.statuses["done"] = [status]

    with pytest.raises(Refused, match=f"HTTP {status}"):
        agent.post(portal.url("done"), "tok", {})

    assert portal.asked == ["done"]
    assert portal.reports == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_asked_again(agent, portal, status):
    portal.statuses["done"] = [status, status, 200]

    agent.post(portal.url("done"), "tok", {"ok": True})

    assert portal.asked == ["done"] * 3
    assert portal.said("done") == [{"ok": True}]


def test_a_portal_that_never_recovers_is_given_up(agent, portal):
    portal.statuses["boot"] = [503]

    with pytest.raises(Unreachable, match="HTTP 503"):
        agent.fetch_job(portal.boot_uri)

    assert portal.asked == ["boot"] * ATTEMPTS


def test_a_portal_that_is_down_and_comes_up_again_is_found(agent, monkeypatch):
    monkeypatch.setattr("provisioning.simulator.agent.FIRST_PAUSE_S", 0.1)
    port, up = free_port(), threading.Event()

    def come_up():
        up.wait(60)
        with serving(port) as portal:
            came.append(portal)
            over.wait(60)

    came, over = [], threading.Event()
    thread = threading.Thread(target=come_up)
    thread.start()
    threading.Timer(0.2, up.set).start()

    agent.post(f"http://127.0.0.1:{port}/done", "tok", {"ok": True})

    over.set()
    thread.join(60)
    assert came[0].said("done") == [{"ok": True}]


def test_waiting_for_the_portal_ends_with_the_power(monkeypatch):
    monkeypatch.setattr("provisioning.simulator.agent.FIRST_PAUSE_S", 150)
    power = Power()
    threading.Timer(0.1, power.cut).start()
    started = time.monotonic()

    with Agent(power) as agent, pytest.raises(PowerLost):
        agent.fetch_job(f"http://127.0.0.1:{free_port()}/boot/x")

    assert time.monotonic() - started < 100


def test_without_power_nothing_is_sent(portal):
    power = Power()
    power.cut()
    with Agent(power) as agent:
        for ask in (
            lambda: agent.post(portal.url("done"), "tok", {}),
            lambda: agent.note(portal.url("progress"), "tok", {}),
            lambda: agent.fetch_job(portal.boot_uri),
            lambda: next(agent.stream(portal.url("image"), 10)),
        ):
            with pytest.raises(PowerLost):
                ask()

    assert portal.asked == []


@pytest.mark.parametrize("uri", ["http://[nonsense", "file:///etc/passwd", "gopher://x/", "", "http://127.0.0.1:1/x"])
def test_an_address_that_is_none_is_an_unreachable_portal(agent, uri):
    with pytest.raises(Unreachable):
        agent.fetch_job(uri)


def test_what_is_no_job_is_not_taken_for_one(agent, portal):
    portal.job = ["not", "a", "job"]

    with pytest.raises(ValueError, match="no job"):
        agent.fetch_job(portal.boot_uri)


def test_lost_progress_is_no_matter_and_refused_progress_is(agent, portal):
    portal.statuses["progress"] = [503, 403]

    agent.note(portal.url("progress"), "tok", {"percent": 1})

    with pytest.raises(Refused):
        agent.note(portal.url("progress"), "tok", {"percent": 2})
    assert portal.asked == ["progress"] * 2


def test_a_download_that_is_cut_or_refused_says_so(agent, portal):
    portal.cut_at = [100_000]
    got = []

    with pytest.raises(DownloadFailed, match="RemoteProtocolError"):
        got.extend(agent.stream(portal.url("image"), 4096))
    portal.statuses["image"] = [404]
    with pytest.raises(DownloadFailed, match="HTTP 404"):
        list(agent.stream(portal.url("image"), 4096))

    assert portal.image.startswith(b"".join(got))
    assert len(b"".join(got)) <= 100_000
