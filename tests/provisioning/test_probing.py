"""Seeing from outside whether servers work: what answers, what does not, and what we cannot tell."""

import socket
from contextlib import closing

import pytest

from portal.core import clock
from portal.fleet.models import BMC, Server
from portal.reservations.models import Allocation
from portal.sla.definitions import Kind
from portal.sla.models import Evidence
from provisioning import probing, redfish, sweeping
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def bmcs(monkeypatch):
    """Say by address what BMCs answer; those that are not named do not answer."""
    said = {}

    def read(_http, url, _login):
        address = url.partition("/redfish")[0]
        if address not in said:
            raise redfish.Unreadable("timeout")
        return said[address].encode()

    monkeypatch.setattr(redfish, "read", read)
    return said


@pytest.fixture
def client(monkeypatch):
    """Let there be a client without a CA's file: no connection is made by it."""
    monkeypatch.setattr(sweeping, "make_client", lambda: closing(type("Client", (), {"close": lambda _: None})()))


@pytest.fixture
def servers(client):
    """Return two servers that are handed over."""
    factories.servers(2)
    row = factories.hand_over(factories.reservation(count=2, starts_at=None))
    found = [one.server for one in Allocation.objects.filter(reservation=row).order_by("position")]
    for number, server in enumerate(found):
        BMC.objects.filter(server=server).update(address=f"https://bmc{number}")
    return found


def seen():
    """Return what was noted: by host, kind and value."""
    return sorted(Evidence.objects.values_list("server_id", "kind", "value"))


def test_a_server_that_takes_connections_is_up(servers, bmcs):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for server, host in zip(servers, ("127.0.0.1", "localhost"), strict=True):
            Server.objects.filter(pk=server.pk).update(ssh_host=host, ssh_port=listening.getsockname()[1])
        bmcs |= {"https://bmc0": '{"PowerState": "On"}', "https://bmc1": '{"PowerState": "Off"}'}

        assert probing.probe_servers() == 2

    one, other = (server.pk for server in servers)
    unknown = [(one, kind, "unknown") for kind in ("gpu_count", "xid_ecc", "link")]
    assert seen() == sorted(
        [(one, "power", "up"), (one, "reachable", "up"), (other, "power", "down"), (other, "reachable", "up"), *unknown]
    )


def test_one_that_refuses_is_there_and_one_that_is_silent_is_down(servers, bmcs, monkeypatch):
    one, other = servers
    Server.objects.filter(pk=other.pk).update(ssh_host="192.0.2.1")

    async def connect(host, port):
        if host == "192.0.2.1":
            raise TimeoutError
        raise ConnectionRefusedError

    monkeypatch.setattr(probing.asyncio, "open_connection", connect)
    probing.probe_servers()

    assert seen() == sorted(
        [
            (one.pk, "power", "unknown"),
            (one.pk, "reachable", "up"),
            (other.pk, "power", "unknown"),
            (other.pk, "reachable", "down"),
        ]
    )


@pytest.mark.parametrize("error", [TimeoutError(), OSError(101, "Network is unreachable")])
def test_where_nothing_answers_it_may_be_us_and_nothing_is_known(servers, bmcs, monkeypatch, error):
    async def connect(host, port):
        raise error

    monkeypatch.setattr(probing.asyncio, "open_connection", connect)
    probing.probe_servers()

    assert {value for _, _, value in seen()} == {"unknown"}
    assert len(seen()) == 4


@pytest.mark.parametrize(
    "reply", ["", "[]", "{}", '{"PowerState": 7}', '{"PowerState": "Paused"}', "[" * 100_000, "nonsense"]
)
def test_what_a_bmc_says_that_makes_no_sense_says_nothing(servers, bmcs, reply):
    bmcs |= {"https://bmc0": reply, "https://bmc1": '{"PowerState": "On"}'}

    told = sweeping.look_at(probing._handed_over(), clock.now())

    assert [told[server.pk][Kind.POWER][0].value for server in servers] == ["unknown", "up"]


def test_nobody_has_a_server_and_nothing_is_asked():
    factories.server()

    assert probing.probe_servers() == 0
    assert not Evidence.objects.exists()
