"""Reserve, imaged by Ansible over Redfish, ssh in, release, erased: on the real components."""

import pytest

from tests.end_to_end import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.xdist_group("product")]


def test_four_servers_are_handed_over_and_come_back_erased(stack, keys, key_pair):
    secret = "canary-in-user-data-7f3a"

    reservation = client.reserve(stack, keys, 4, user_data=f"#!/bin/sh\necho {secret}\n")
    client.wait_for(stack, reservation, "active")
    names = stack.server_names(reservation)
    servers = client.servers(stack, reservation)
    answers = [client.hostname_over_ssh(server, key_pair[0]) for server in servers]

    assert len(servers) == 4
    assert answers == [server["hostname"] for server in servers]
    assert set(stack.server_states(names).values()) == {"in_use"}
    report = client.report(stack, reservation)
    assert (report["verdict"], [node["hostname"] for node in report["nodes"]]) == ("passed", answers)
    assert report["test_doubles"] == ["all_reduce", "drives", "ecc_uncorrectable", "gpus"]
    check_the_cluster(stack, reservation, servers[1], key_pair[0])
    for name in names:
        assert secret.encode() in stack.disk(name).read_bytes() or b"user_data" in stack.disk(name).read_bytes()

    client.release(stack, reservation)
    client.wait_for(stack, reservation, "ended")

    assert set(stack.server_states(names).values()) == {"available"}
    for name in names:
        assert not any(stack.disk(name).read_bytes()), f"{name} has bytes left on its disk"


def check_the_cluster(stack, reservation, server, key):
    """The servers were one cluster before the first was handed over, and have the kit as it is seen from inside."""
    told = [event["type"] for event in client.events(stack, reservation)]
    last = max(index for index, kind in enumerate(told) if kind == "step.hand_over.done")
    kit = client.kit(stack, reservation)
    on_server = {
        name: client.over_ssh(server, key, f"cat /opt/handover/{name}").encode() for name in kit if name != "report.pdf"
    }

    assert told.count("step.hand_over.done") == 4
    assert last < min(told.index("server.ready"), told.index("reservation.active"))
    assert client.over_ssh(server, key, "ls /opt/handover").split() == sorted(kit)
    assert {name for name, content in on_server.items() if content != kit[name]} == {
        "ssh_config",
        "inventory.yml",
        "report.json",
    }
    assert b"IdentityFile ~/.ssh/metalyard_cluster" in on_server["ssh_config"]
    assert b"Host *" not in on_server["ssh_config"]


@pytest.mark.long
def test_sixteen_servers_and_three_reservations_at_once(stack, keys, key_pair):
    reservations = [client.reserve(stack, keys, count) for count in (16, 2, 2)]

    for reservation in reservations:
        client.wait_for(stack, reservation, "active", limit_s=300)
    servers = client.servers(stack, reservations[0])
    answers = [client.hostname_over_ssh(server, key_pair[0]) for server in servers]
    for reservation in reservations:
        client.release(stack, reservation)
    for reservation in reservations:
        client.wait_for(stack, reservation, "ended", limit_s=300)

    assert answers == [server["hostname"] for server in servers]
    assert len(set(answers)) == 16
