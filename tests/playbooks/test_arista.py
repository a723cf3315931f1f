"""The playbook that moves ports drives an Arista switch by the collection arista.eos, over a stand-in's eAPI.

The collection comes with the extra `interop`, which is installed in a lane of its own only:
METALYARD_INTEROP=1 uv run --extra interop pytest tests/playbooks/test_arista.py
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from provisioning.fence import Fence, write_fence
from provisioning.runner import PLAYBOOKS, Run, run
from provisioning.workspace import workspace
from tests.playbooks.conftest import make_certificate
from tests.playbooks.eapi_stand_in import PASSWORD, USER, switching

MODULE = "ansible_collections/arista/eos/plugins/modules/eos_config.py"
PORT = "Ethernet1/1"
A, B = ({"kind": "tenant", "vlan_id": vlan, "name": f"t-{vlan}"} for vlan in (101, 102))
LEAVES = [["vlan 4094", "name parking"],
          [f"interface {PORT}", "shutdown", "switchport mode access", "switchport access vlan 4094"]]  # fmt: skip


def joins(network):
    vlan = network["vlan_id"]
    interface = [f"interface {PORT}", "switchport mode access", f"switchport access vlan {vlan}", "no shutdown"]
    return [[f"vlan {vlan}", f"name {network['name']}"], interface]


def has_module() -> bool:
    try:
        return importlib.metadata.distribution("ansible").locate_file(MODULE).is_file()
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.fixture(scope="module", autouse=True)
def installed():
    """Skip where the collection is not installed; in the lane that is there for it, fail."""
    if not has_module():
        stop = pytest.fail if os.environ.get("METALYARD_INTEROP") else pytest.skip
        stop("arista.eos is not installed: it comes with the extra `interop`")


@pytest.fixture
def switch(certificate):
    with switching(*certificate, PORT, "Ethernet2") as switch:
        yield switch


def variables_of(switch, certificate):
    return {
        "switch_driver": "arista_eos", "switch_name": "leaf-1", "switch_address": switch.address, "switch_port": PORT,
        "switch_user": USER, "switch_password": {"__ansible_unsafe": PASSWORD}, "switch_ca_path": str(certificate[0]),
        "switch_port_timeout_s": 20,
    }  # fmt: skip


@pytest.fixture
def play(tmp_path, switch, certificate):
    """Moves the port by ansible-playbook; gives (ok, report, code, message, all that was said)."""

    def go(network, *options, fence_epoch=7, **changes):
        variables = {
            **variables_of(switch, certificate), "port_network": network,
            "fence_file": str(tmp_path / "fence.json"), "fence_epoch": 7, "ansible_python_interpreter": sys.executable,
        }  # fmt: skip
        write_fence(tmp_path / "fence.json", Fence(epoch=fence_epoch, expires_at=time.time() + 600))
        inventory = tmp_path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"srv": variables | changes}}}))
        answer = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), *options,
             str(PLAYBOOKS / "move_port.yml")],
            env={"ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "ansible"),
                 "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                 "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert PASSWORD not in answer.stdout + answer.stderr
        tasks = json.loads(answer.stdout[answer.stdout.index("{") :])["plays"][0]["tasks"]
        result = next(
            (task["hosts"]["srv"] for task in tasks if "error_code" in task["hosts"]["srv"] or
             "report" in task["hosts"]["srv"]), {},
        )  # fmt: skip
        return {"ok": answer.returncode == 0, "code": result.get("error_code", ""), "said": result.get("msg", ""),
                **result.get("report", {})}  # fmt: skip

    return go


def test_a_new_port_is_taken_out_of_the_default_vlan_and_put_into_the_network(switch, play):
    result = play(A)

    assert result == {"ok": True, "code": "", "said": "", "port_network": {"vlan_id": 101}}
    assert switch.commits == LEAVES + joins(A)
    assert switch.running["ports"][PORT] == {"mode": "access", "vlan": 101, "is_down": False}
    assert switch.running["vlans"] == {1: "default", 4094: "parking", 101: "t-101"}
    assert switch.saved == switch.running


def test_a_port_is_down_and_parked_before_it_is_in_another_network_and_stays_so_in_none(switch, play):
    play(A)
    switch.commits.clear()

    moved = play(B)

    assert moved["port_network"] == {"vlan_id": 102}
    assert [lines for lines in switch.commits if lines[0].startswith("interface")] == [LEAVES[1], joins(B)[1]]
    assert play(None)["port_network"] == {"vlan_id": None}
    assert switch.running["ports"][PORT] == {"mode": "access", "vlan": 4094, "is_down": True}
    assert switch.saved == switch.running


def test_a_port_that_is_there_is_not_touched(switch, play):
    play(A)
    switch.commits.clear()

    result = play(A)

    assert (result["port_network"], switch.commits) == ({"vlan_id": 101}, [])


def test_in_check_mode_the_configuration_is_shown_and_nothing_is_changed(switch, play):
    play(A)
    before, switch.commits[:] = switch.running, []

    result = play(B, "--check")

    assert result == {
        "ok": True, "code": "", "said": "", "port_network": {"vlan_id": 101},
        "commands": [line for lines in LEAVES + joins(B) for line in lines],
    }  # fmt: skip
    assert (switch.commits, switch.running, switch.sessions) == ([], before, {})


def test_a_trunk_is_no_network_of_ours(switch, play):
    switch.running["ports"][PORT]["mode"] = "trunk"

    assert play(A)["port_network"] == {"vlan_id": 101}
    assert switch.commits == LEAVES + joins(A)


def test_a_switch_that_does_not_do_what_it_accepts_is_found_out(switch, play):
    play(A)
    switch.is_deaf = True

    result = play(B)

    assert (result["ok"], result["code"], result["port_network"]) == (False, "switch_refused", {"vlan_id": 101})
    assert result["said"] == "The switch accepted the move to no network, but the port is in VLAN 101."


def test_what_the_switch_does_not_take_leaves_the_port_as_it_was(switch, play):
    switch.refuses = "shutdown"

    result = play(A)

    assert (result["ok"], result["code"]) == (False, "switch_refused")
    assert "Invalid input" in result["said"]
    assert switch.running["ports"][PORT] == {"mode": "access", "vlan": 1, "is_down": False}


def test_a_run_that_lost_its_claim_changes_nothing(switch, play):
    result = play(A, fence_epoch=8)

    assert (result["ok"], result["code"], switch.commits) == (False, "fence_lost", [])


def test_what_cannot_be_is_refused_with_a_reason(switch, play, tmp_path):
    stranger, _ = make_certificate(tmp_path, "stranger")
    cases = [
        ({"switch_password": {"__ansible_unsafe": "wr0ng-password"}}, "switch_refused"),
        ({"switch_ca_path": str(stranger)}, "switch_unreachable"),
        ({"switch_port": "Management1"}, "bad_variables"),
        ({"port_network": A | {"vlan_id": 4094}}, "bad_variables"),
        ({"switch_port": "Ethernet9"}, "switch_refused"),
    ]

    results = [play(A, **changes) for changes, _ in cases]

    assert [(result["ok"], result["code"]) for result in results] == [(False, code) for _, code in cases]
    assert all(result["said"] for result in results)
    assert [lines for lines in switch.commits if "shutdown" not in lines and lines != LEAVES[0]] == []


def test_as_a_worker_runs_it_no_port_undoes_another_and_no_process_is_left(switch, certificate, fence_file):
    events, during, hosts = [], [], {"srv_1": PORT, "srv_2": "Ethernet2"}
    inventory = {
        host: {**variables_of(switch, certificate), "switch_port": port, "port_network": A}
        for host, port in hosts.items()
    }

    # Where workers run: the path of a connection's socket has 108 bytes, and a test's own folder may have more.
    with workspace() as folder:
        result = run(
            Run(
                playbook="move_port.yml", inventory={"all": {"hosts": inventory}}, time_limit_s=200, fence=fence_file,
                extra_vars={"fence_epoch": 7}, private_data_dir=folder, on_event=events.append,
                should_stop=lambda: during.extend(processes_with(str(folder))),
            )
        )  # fmt: skip

    assert {host: found.error for host, found in result.hosts.items()} == dict.fromkeys(hosts, "")
    assert {host: (found.ok, found.facts) for host, found in result.hosts.items()} == dict.fromkeys(
        hosts, (True, {"port_network": {"vlan_id": 101}})
    )
    assert [port["vlan"] for port in switch.running["ports"].values()] == [101, 101]
    assert PASSWORD not in repr((result, events))
    assert during
    assert processes_with(str(folder)) == []


def processes_with(text):
    """The processes in whose environment a text is, such as the folder of a run."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if text.encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found
