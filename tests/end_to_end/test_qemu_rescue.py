"""A virtual machine whose system is broken: its tenant repairs the drive in the rescue system, and it starts again."""

from __future__ import annotations

import asyncssh
import pytest

from tests.end_to_end import client
from tests.end_to_end.stack import running
from tests.end_to_end.test_qemu import HANDED_OVER_S, PATIENT, START_S, asked
from tests.end_to_end.test_server_actions import ask
from tests.provisioning.virtual_machine import needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.boots,
    pytest.mark.end_to_end,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("virtual machines"),
]

STARTED_S = 900
# The kernel finds no first program any more: no network, no ssh.
BREAK = "sudo mv /usr/sbin/init /usr/sbin/init.away; sync; echo broken"
REPAIR = (
    "mount $(blkid | grep 'LABEL=\"root\"' | cut -d : -f 1) /mnt && "
    "mv /mnt/usr/sbin/init.away /mnt/usr/sbin/init && cat /mnt/etc/hostname && umount /mnt"
)


@pytest.fixture
def virtual():
    with running("--fast", "--metal=qemu", limit_s=START_S, settings=PATIENT) as started:
        yield started


def done(stack, server, action):
    """Have something done with a server; return how that ended."""
    address = f"/operations/{ask(stack, server['id'], action, {})}"
    client.until(lambda: stack.api.get(address).json()["finished_at"], limit_s=STARTED_S)
    return stack.api.get(address).json()["state"]


def answers(server, key):
    try:
        return asked(server, key, "hostname") == server["hostname"]
    except (OSError, asyncssh.Error):
        return False


def test_a_broken_system_is_repaired_and_starts_again(virtual):
    key, public = client.key_pair()
    reservation = client.reserve(virtual, [client.add_key(virtual, public)], 1, server_type="vm-1x")
    client.wait_for(virtual, reservation, "active", limit_s=HANDED_OVER_S)
    (server,) = client.servers(virtual, reservation)
    assert asked(server, key, BREAK) == "broken"

    assert done(virtual, server, "rescue") == "succeeded", client.events(virtual, reservation)
    rescued = virtual.api.get(f"/servers/{server['id']}").json()
    assert asked(rescued, key, "id -un") == "root"
    assert asked(rescued, key, REPAIR) == server["hostname"]

    assert done(virtual, server, "leave-rescue") == "succeeded"
    client.until(lambda: answers(server, key), limit_s=STARTED_S)
    assert asked(server, key, "cat /proc/1/comm") == "systemd"
