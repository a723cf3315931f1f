"""Tenants are apart by packets: machines of network namespaces on a switch of Linux bridges, moved by the playbook.

This proves the moves and that bridges separate; tags of 802.1Q, VLAN filtering and VRF are not in play, nor any
vendor's switch. It needs root, `ip` and `ping`; without them it is skipped, but on CI a skip is a failure.
"""

from __future__ import annotations

import os
import shutil
import time

import pytest

from provisioning.fence import Fence, write_fence
from provisioning.runner import Run, run
from provisioning.workspace import workspace
from tests.playbooks.wires import ip, spread, wired
from tests.provisioning.simulator.emulator import until

A, B = ({"kind": "tenant", "vlan_id": vlan, "name": f"t-{vlan}"} for vlan in (101, 102))
MANAGEMENT = {"kind": "management", "vlan_id": 10, "name": "management"}
PROVISIONING = {"kind": "provisioning", "vlan_id": 20, "name": "provisioning"}
LABELS = ("a1", "a2", "b1", "b2", "bmc", "deploy")

LACKS = os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("ping"))
pytestmark = [
    pytest.mark.xdist_group("network_namespaces"),
    pytest.mark.skipif(LACKS, reason="it takes root, iproute2 and iputils-ping to make networks of namespaces"),
]


@pytest.fixture
def fabric():
    with wired(*LABELS) as fabric:
        yield fabric


@pytest.fixture
def play(tmp_path, fabric):
    """Moves ports by the playbook, {label: network}; gives the results by host."""
    switch, _ = fabric

    def go(networks, *, epoch=7, changes=None):
        hosts = {
            label: {
                "switch_driver": "linux_bridge",
                "switch_name": "bridges",
                "switch_address": switch,
                "switch_port": f"p-{label}",
                "port_network": network,
                **(changes or {}).get(label, {}),
            }
            for label, network in networks.items()
        }
        write_fence(tmp_path / "fence.json", Fence(epoch=epoch, expires_at=time.time() + 600))
        with workspace(tmp_path) as folder:
            return run(
                Run(
                    playbook="move_port.yml", inventory={"all": {"hosts": hosts}}, time_limit_s=200,
                    fence=tmp_path / "fence.json", extra_vars={"fence_epoch": 7}, private_data_dir=folder,
                    on_event=lambda event: None, should_stop=lambda: False,
                )
            ).hosts  # fmt: skip

    return go


@pytest.fixture
def move(play, fabric):
    """Moves ports, requires that each is read back where it was wanted, and waits until its link is up there."""
    switch, machines = fabric

    def go(networks):
        result = play(networks)
        assert {label: host.error for label, host in result.items() if not host.ok} == {}
        assert {label: host.facts["port_network"]["vlan_id"] for label, host in result.items()} == {
            label: network and network["vlan_id"] for label, network in networks.items()
        }
        for machine in (machines[label] for label, network in networks.items() if network):
            until(lambda machine=machine: machine.is_up(switch))

    return go


def everybody_in(network):
    return dict.fromkeys(LABELS, network)


APART = {"a1": A, "a2": A, "b1": B, "b2": B, "bmc": MANAGEMENT, "deploy": PROVISIONING}


def test_tenants_reach_neither_each_other_nor_management_nor_provisioning(fabric, move):
    _, machines = fabric
    a1, a2, b1, *_ = machines.values()
    strangers = [machines[label] for label in ("b1", "b2", "bmc", "deploy")]

    # What is to be missed later is there now: in one network all hear and reach each other.
    move(everybody_in(A))
    spread(a1, "ctl", machines=machines.values(), witnesses=[machines[label] for label in LABELS[1:]])
    for other in (a2, *strangers):
        assert (a1.pings(other), a1.pings6(other), a1.connects(other)) == (True, True, True), other.label

    move(APART)

    # The same cards and addresses, and each still has the other's address in its tables.
    spread(a1, "ab", machines=machines.values(), witnesses=[a2])
    assert {other.label: other.heard_of(a1) for other in strangers} == {other.label: [] for other in strangers}
    spread(b1, "ba", machines=machines.values(), witnesses=[machines["b2"]])
    assert {label: machines[label].heard_of(b1) for label in ("a1", "a2", "bmc", "deploy")} == {
        "a1": [], "a2": [], "bmc": [], "deploy": [],
    }  # fmt: skip
    for other in strangers:
        assert (a1.pings(other), a1.pings6(other), a1.connects(other)) == (False, False, False), other.label
    # Inside of a tenant's network all is as it was.
    assert (a1.pings(a2), a1.pings6(a2), a1.connects(a2)) == (True, True, True)


def test_a_port_in_no_network_hears_nothing_and_is_not_heard(fabric, move):
    switch, machines = fabric
    a1, a2, b1, *_ = machines.values()
    move({"a1": A, "a2": A, "b1": A})
    assert (b1.pings(a1), a1.pings6(b1)) == (True, True)

    move({"b1": None})

    spread(a1, "a", machines=[a1, a2, b1], witnesses=[a2], unplugged=[b1])
    assert b1.heard_of(a1) == []
    # The machine's card has no carrier any more: what it sends is dropped in its own namespace.
    assert '"NO-CARRIER"' in ip("-n", b1.namespace, "-j", "link", "show", "dev", "eth0")
    assert (b1.pings(a1), b1.pings6(a1), b1.connects(a1)) == (False, False, False)
    assert "master" not in ip("-n", switch, "-j", "link", "show", "dev", b1.port)


def test_the_switch_itself_is_in_no_network(fabric, move):
    switch, _ = fabric
    move(APART)

    assert [line for line in ip("-n", switch, "-br", "addr", "show").splitlines() if "/" in line] == []


def test_a_port_that_is_there_is_left_alone_and_a_new_one_ends_up_in_the_same_network(fabric, play, move):
    _, machines = fabric
    move({"a1": A})

    result = play({"a1": A}, epoch=8)  # whose claim is lost can change nothing

    assert (result["a1"].ok, result["a1"].facts) == (True, {"port_network": {"vlan_id": 101}})
    move({"a2": A})
    assert machines["a1"].pings(machines["a2"])


def test_a_run_that_lost_its_claim_moves_nothing(fabric, play, move):
    move({"a1": A})

    result = play({"a1": B}, epoch=8)

    assert (result["a1"].error_code, result["a1"].facts) == ("fence_lost", {"port_network": {"vlan_id": 101}})
    assert "my-t-102" not in ip("-n", fabric[0], "link", "show")


def test_a_port_that_somebody_has_plugged_elsewhere_is_taken_out_first(fabric, move):
    switch, machines = fabric
    ip("-n", switch, "link", "add", "name", "docker0", "type", "bridge")
    ip("-n", switch, "link", "set", "dev", machines["a1"].port, "up", "master", "docker0")

    move({"a1": A, "a2": A})

    assert machines["a1"].pings(machines["a2"])
    move({"a1": None})


def test_what_cannot_be_is_refused_with_a_reason(fabric, play, move):
    switch, machines = fabric
    move({"a2": A})
    cases = {
        "x1": ({"switch_address": "my-none-such"}, "switch_unreachable", "network namespace"),
        "x2": ({"switch_address": "a b"}, "bad_variables", "switch_address must be the name of a network namespace"),
        "a1": ({"switch_port": "p-none"}, "switch_refused", "The switch has no interface p-none."),
        "b1": ({"port_network": A | {"vlan_id": 103}}, "switch_refused", "my-t-101 belongs to another network"),
        "b2": ({"port_network": A | {"name": "t-103"}}, "switch_refused", "of vlan 101 is my-t-101, not my-t-103"),
        "bmc": ({"switch_port": "a/b"}, "bad_variables", "switch_port must be an interface's name"),
        "deploy": ({"port_network": A | {"name": "thirteen-char"}}, "bad_variables", "more than the 12 characters"),
    }

    result = play(dict.fromkeys(cases, A), changes={host: case[0] for host, case in cases.items()})

    assert {host: entry.error_code for host, entry in result.items()} == {host: case[1] for host, case in cases.items()}
    assert {host: result[host].error for host, case in cases.items() if case[2] not in result[host].error} == {}
    for machine in (machines[label] for label in LABELS if label != "a2"):
        assert "master" not in ip("-n", switch, "-j", "link", "show", "dev", machine.port)
