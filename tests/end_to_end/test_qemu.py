"""Real firmware and real kernels: two virtual machines are reserved, imaged, logged in to, released and erased."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncssh
import pytest

from tests.end_to_end import client
from tests.end_to_end.stack import running
from tests.provisioning.virtual_machine import needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.long,
    pytest.mark.end_to_end,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("virtual machines"),
]

START_S, HANDED_OVER_S, RETURNED_S = 1800, 1500, 1500
WORD = "canary-5d1c"
USER_DATA = f"#!/bin/sh\necho {WORD} >/var/tmp/from-user-data\n"
PORTAL_ONLY = "curl -sS -o /dev/null -m 3 http://10.0.2.2:22; echo $?"


@pytest.fixture(scope="module")
def virtual(tmp_path_factory):
    with running("--fast", "--metal=qemu", limit_s=START_S) as started:
        yield started


def asked(server, key, command):
    """Log in trusting the one host key that the portal names, run a command, return what it prints."""

    async def ask():
        lines = [f"[{server['ssh_host']}]:{server['ssh_port']} {line}\n" for line in server["host_keys"]]
        async with asyncssh.connect(
            server["ssh_host"], server["ssh_port"], username=server["ssh_user"], client_keys=[key],
            known_hosts=asyncssh.import_known_hosts("".join(lines)), config=None, agent_path=None, login_timeout=120,
        ) as connection:  # fmt: skip
            return (await connection.run(command, check=True)).stdout.strip()

    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, ask()).result(300)


def residue(path):
    """Return how many bytes of a file are not zero."""
    with path.open("rb") as file:
        return sum(len(data) - data.count(0) for data in iter(lambda: file.read(1 << 20), b""))


def test_virtual_machines_are_handed_over_and_come_back_erased(virtual):
    key, public = client.key_pair()
    keys = [client.add_key(virtual, public)]

    reservation = client.reserve(virtual, keys, 2, server_type="vm-1x", user_data=USER_DATA)
    client.wait_for(virtual, reservation, "active", limit_s=HANDED_OVER_S)
    names, servers = virtual.server_names(reservation), client.servers(virtual, reservation)

    assert len(names) == len(servers) == 2
    for server in servers:
        assert asked(server, key, "hostname") == server["hostname"]
        assert asked(server, key, "cloud-init status --wait | tail -n 1") == "status: done"
        assert asked(server, key, "sudo cat /var/tmp/from-user-data") == WORD
        # 7: nobody listens there for it; 28: nothing comes back. Its network leads to the portal and nowhere else.
        assert asked(server, key, PORTAL_ONLY) in ("7", "28")
    assert all(residue(virtual.disk(name)) > 100_000_000 for name in names)

    client.release(virtual, reservation)
    client.wait_for(virtual, reservation, "ended", limit_s=RETURNED_S)

    assert set(virtual.server_states(names).values()) == {"available"}
    assert {name: residue(virtual.disk(name)) for name in names} == dict.fromkeys(names, 0)
    assert not list((virtual.dir / "media" / "boots").iterdir())
