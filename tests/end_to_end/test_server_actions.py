"""What a tenant has done with its servers, on the real components: switched, installed anew, and the end that wins."""

import json

import asyncssh
import pytest

from tests.end_to_end import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.xdist_group("product")]


def ask(stack, server, action, body):
    reply = stack.api.post(f"/servers/{server}/{action}", json=body)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def wait_for(stack, operation):
    found = {}

    def is_over():
        found.update(stack.api.get(f"/operations/{operation}").json())
        return found["finished_at"] is not None

    client.until(is_over)
    return found["state"]


def resets(stack, name, since):
    ((system,),) = stack.rows("select system_uuid::text from fleet_server where name = %s", name)
    lines = [line for line in stack.bmc_log()[since:] if line["system"] == system]
    return [line["body"]["ResetType"] for line in lines if "ResetType" in line["body"]]


def test_a_server_is_switched_and_installed_anew_and_its_neighbour_is_left_alone(stack, keys, key_pair):
    reservation = client.reserve(stack, keys, 2)
    client.wait_for(stack, reservation, "active")
    name, neighbour = stack.server_names(reservation)
    server, other = client.servers(stack, reservation)
    since = len(stack.bmc_log())

    for action, state in (("off", "Off"), ("on", "On"), ("cycle", "On"), ("reboot", "On")):
        assert wait_for(stack, ask(stack, server["id"], "power", {"action": action})) == "succeeded"
        assert f'"power": "{state}"' in (stack.dir / "fleet" / "state" / f"{name}.json").read_text()
    assert resets(stack, name, since) == ["GracefulShutdown", "On", "ForceOff", "On", "GracefulShutdown", "On"]

    own_key, own_line = client.key_pair()
    own = client.add_key(stack, own_line)
    operation = ask(stack, server["id"], "reinstall", {"ssh_keys": [own], "user_data": "#!/bin/sh\necho anew\n"})
    assert stack.api.get(f"/servers/{server['id']}").json()["state"] == "reinstalling"
    assert wait_for(stack, operation) == "succeeded"

    anew = stack.api.get(f"/servers/{server['id']}").json()
    assert (anew["state"], anew["operation"]) == ("in_use", None)
    assert anew["host_keys"] != server["host_keys"]
    assert client.hostname_over_ssh(anew, own_key) == server["hostname"]
    assert client.hostname_over_ssh(other, key_pair[0]) == other["hostname"]
    assert resets(stack, neighbour, since) == []
    assert stack.api.get(f"/reservations/{reservation}").json()["state"] == "active"
    client.release(stack, reservation)


def test_a_server_is_rescued_under_a_host_key_known_beforehand_and_starts_from_its_disk_as_before(
    stack, keys, key_pair
):
    reservation = client.reserve(stack, keys, 1)
    client.wait_for(stack, reservation, "active")
    (server,), (name,) = client.servers(stack, reservation), stack.server_names(reservation)
    before = stack.disk(name).read_bytes()
    booted = stack.console(name).count(f"{server['hostname']} is up")
    kit = stack.api.get(f"/reservations/{reservation}/handover/known_hosts").text

    assert wait_for(stack, ask(stack, server["id"], "rescue", {})) == "succeeded"

    rescued = stack.api.get(f"/servers/{server['id']}").json()
    assert (rescued["state"], rescued["ssh_user"]) == ("rescue", "root")
    assert not set(rescued["host_keys"]) & set(server["host_keys"])
    assert client.hostname_over_ssh(rescued, key_pair[0]) == server["hostname"]
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        client.hostname_over_ssh(server, key_pair[0])
    assert stack.disk(name).read_bytes() == before
    assert stack.api.get(f"/reservations/{reservation}/handover/known_hosts").text == kit
    memory = json.loads((stack.dir / "fleet" / "state" / f"{name}.json").read_text())
    assert (memory["image"], memory["enabled"]) == ("", "Disabled"), "the next start is from disk, whoever causes it"

    assert wait_for(stack, ask(stack, server["id"], "leave-rescue", {})) == "succeeded"

    assert stack.api.get(f"/servers/{server['id']}").json() == server
    client.until(lambda: stack.console(name).count(f"{server['hostname']} is up") == booted + 2)
    assert client.hostname_over_ssh(server, key_pair[0]) == server["hostname"]
    client.release(stack, reservation)


def test_a_release_in_the_middle_of_a_reinstallation_wins(stack, keys):
    reservation = client.reserve(stack, keys, 1)
    client.wait_for(stack, reservation, "active")
    (server,) = client.servers(stack, reservation)
    (name,) = stack.server_names(reservation)
    operation = ask(stack, server["id"], "reinstall", {})
    client.until(lambda: stack.has_part(reservation, stage="image"))

    client.release(stack, reservation)
    client.wait_for(stack, reservation, "ended")

    assert wait_for(stack, operation) == "cancelled"
    assert stack.server_states([name]) == {name: "available"}
    assert not any(stack.disk(name).read_bytes()), "what the reinstallation had written is erased"
