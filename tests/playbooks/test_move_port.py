"""The playbook that moves ports, against the emulated fleet's own switches."""

from __future__ import annotations

import json
import time

import pytest

from provisioning.fence import Fence, write_fence
from provisioning.runner import Run, run
from provisioning.simulator.faults import Fault, Faults
from provisioning.workspace import workspace
from tests.playbooks.conftest import make_certificate
from tests.provisioning.simulator.emulator import entry, free_port, running, write_fleet

LEAF = {"name": "leaf-1", "user": "port-mover", "password": "pa55-of-leaf-1"}
NAMES = ["srv_a", "srv_b", "srv_c"]
A, B = ({"kind": "tenant", "vlan_id": vlan, "name": f"t-{vlan}"} for vlan in (101, 102))


@pytest.fixture(scope="module")
def emulated(tmp_path_factory, certificate):
    """The running emulator; gives (its folder, the inventory's hosts without a network)."""
    folder = tmp_path_factory.mktemp("fleet")
    servers = [entry(number, name=name, switch="leaf-1", port=f"Et{number}/1") for number, name in enumerate(NAMES)]
    port = write_fleet(folder, servers, cert=certificate[0], key=certificate[1], switches=[LEAF], agent_vlans=[20])
    with running(folder):
        yield (
            folder,
            {
                name: {
                    "switch_driver": "emulated",
                    "switch_name": "leaf-1",
                    "switch_address": f"https://127.0.0.1:{port}",
                    "switch_port": f"Et{number}/1",
                    "switch_user": "port-mover",
                    "switch_password": {"__ansible_unsafe": LEAF["password"]},
                    "switch_ca_path": str(certificate[0]),
                }
                for number, name in enumerate(NAMES)
            },
        )


@pytest.fixture
def play(tmp_path, emulated):
    """Puts all ports into a network (each its own with a list) and gives the results by host.

    They begin in no network. `play.events` has what was shown of the last run.
    """
    epochs = iter(range(time.time_ns(), time.time_ns() + 100))

    def go(network, *, fence_epoch=None, hosts=None, **changes):
        epoch = go.epoch = next(epochs)
        networks = network if isinstance(network, list) else [network] * len(NAMES)
        hosts = hosts or {
            name: {**host, "port_network": wanted, **changes}
            for (name, host), wanted in zip(emulated[1].items(), networks, strict=True)
        }
        write_fence(tmp_path / "fence.json", Fence(epoch=fence_epoch or epoch, expires_at=time.time() + 600))
        go.events = []
        with workspace(tmp_path) as folder:
            return run(
                Run(
                    playbook="move_port.yml", inventory={"all": {"hosts": hosts}}, time_limit_s=200,
                    fence=tmp_path / "fence.json", extra_vars={"fence_epoch": epoch}, private_data_dir=folder,
                    on_event=go.events.append, should_stop=lambda: False,
                )
            ).hosts  # fmt: skip

    assert [host.ok for host in go(None).values()] == [True] * len(NAMES)
    return go


def moves(folder, epoch):
    """What the switch was made to do under an epoch: (server, from, to)."""
    path = folder / "switch.log"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(line["server"], line["from"], line["to"]) for line in lines if line["epoch"] == str(epoch)]


def where(result):
    return {name: host.facts.get("port_network") for name, host in result.items()}


def test_each_port_goes_where_it_shall_be_and_is_read_back(emulated, play):
    result = play([A, B, None])

    assert {name: host.error_code for name, host in result.items()} == dict.fromkeys(NAMES, "")
    assert where(result) == {"srv_a": {"vlan_id": 101}, "srv_b": {"vlan_id": 102}, "srv_c": {"vlan_id": None}}
    assert sorted(moves(emulated[0], play.epoch)) == [("srv_a", None, 101), ("srv_b", None, 102)]


def test_a_port_is_in_none_before_it_is_in_another(emulated, play):
    play([A, None, None])

    result = play([B, None, None])

    assert moves(emulated[0], play.epoch) == [("srv_a", 101, None), ("srv_a", None, 102)]
    assert where(result)["srv_a"] == {"vlan_id": 102}


def test_a_port_that_is_there_is_not_touched(emulated, play):
    play(A)

    result = play(A)

    assert moves(emulated[0], play.epoch) == []
    assert where(result) == {name: {"vlan_id": 101} for name in NAMES}


def test_a_switch_that_does_not_do_it_fails_that_server_alone(emulated, play):
    play(A)
    faults = Faults(emulated[0] / "faults")
    faults.plant("srv_a", Fault.PORT_STUCK)
    faults.plant("srv_b", Fault.SWITCH_REFUSES)

    result = play(B)

    faults.clear("srv_a")
    faults.clear("srv_b")
    assert {name: (host.ok, host.error_code) for name, host in result.items()} == {
        "srv_a": (False, "switch_refused"), "srv_b": (False, "switch_refused"), "srv_c": (True, ""),
    }  # fmt: skip
    assert result["srv_a"].error == "The switch accepted the move to no network, but the port is in VLAN 101."
    assert where(result) == {"srv_a": {"vlan_id": 101}, "srv_b": {"vlan_id": 101}, "srv_c": {"vlan_id": 102}}
    assert {server for server, _, _ in moves(emulated[0], play.epoch)} == {"srv_c"}


def test_a_run_that_lost_its_claim_moves_nothing(emulated, play):
    play(A)

    result = play(B, fence_epoch=1)

    assert {host.error_code for host in result.values()} == {"fence_lost"}
    assert moves(emulated[0], play.epoch) == []


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"switch_password": {"__ansible_unsafe": "wr0ng-password"}}, "switch_refused"),
        ({"switch_port": "Et9/9"}, "switch_refused"),
        ({"switch_address": f"https://127.0.0.1:{free_port()}"}, "switch_unreachable"),
        ({"switch_driver": "magic"}, "bad_variables"),
        ({"switch_port": "Et1 ; reboot"}, "bad_variables"),
        ({"port_network": {"vlan_id": 1, "name": "t-1"}}, "bad_variables"),
        ({"port_network": {"vlan_id": 101, "name": "{{ 7 * 7 }}"}}, "bad_variables"),
        ({"port_network": {"vlan_id": "101", "name": "t-101"}}, "bad_variables"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_and_nothing_moves(emulated, play, changes, code):
    result = play(A, **changes)

    assert {host.error_code for host in result.values()} == {code}
    assert all(host.error for host in result.values())
    assert moves(emulated[0], play.epoch) == []


def test_a_network_that_was_forgotten_is_not_none(emulated, play):
    play(A)

    result = play(None, hosts=emulated[1])

    assert {host.error_code for host in result.values()} == {"bad_variables"}
    assert moves(emulated[0], play.epoch) == []


def test_a_switch_with_a_strangers_certificate_is_told_nothing(emulated, play, tmp_path):
    stranger, _ = make_certificate(tmp_path, "stranger")

    result = play(A, switch_ca_path=str(stranger))

    assert {host.error_code for host in result.values()} == {"switch_unreachable"}
    assert moves(emulated[0], play.epoch) == []


def test_no_password_is_in_what_is_reported(play):
    result = play(A)

    assert LEAF["password"] not in repr((result, play.events))
