"""The kit as the servers have it: where they reach one another, and nothing about the rest of the world."""

import json
import subprocess
import sys

import pytest

from portal.reservations.handover.kit import KIT, kit_of
from portal.reservations.handover.nodes import cluster_of, on_nodes
from tests.reservations.handover.clusters import HOST_KEY, cluster, node
from tests.reservations.handover.test_kit import said

INSIDE = cluster(
    node(1, address="203.0.113.1", port=2201, inner_address="10.9.0.1"),
    node(2, address="203.0.113.1", port=2202, inner_address="10.9.0.2", rack="r002"),
    node(3, address="203.0.113.3"),
)


@pytest.fixture
def folder(tmp_path):
    for name, content in kit_of(on_nodes(INSIDE)).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def options(folder, host):
    lines = said("ssh", "-F", "ssh_config", "-G", host, cwd=folder).splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def test_a_server_is_reached_by_its_inner_address_with_the_key_that_was_made_for_it(folder):
    found, without = options(folder, "train-02"), options(folder, "train-03")

    assert (found["hostname"], found["port"], found["user"]) == ("10.9.0.2", "22", "ubuntu")
    assert found["identityfile"] == "~/.ssh/metalyard_cluster"
    assert (found["identitiesonly"], found["stricthostkeychecking"]) == ("yes", "true")
    assert found["userknownhostsfile"] == "/opt/handover/known_hosts"
    assert (without["hostname"], without["port"]) == ("203.0.113.3", "22")


def test_nothing_is_said_of_other_hosts(folder):
    (folder / "empty").write_text("")
    nothing = dict(
        line.split(" ", 1)
        for line in said("ssh", "-F", "empty", "-G", "github.com", cwd=folder).splitlines()
        if " " in line
    )

    assert options(folder, "github.com") == nothing
    assert options(folder, "train-02") != nothing


def test_host_keys_are_pinned_to_the_inner_addresses(folder):
    lines = (folder / "known_hosts").read_text().splitlines()

    assert lines == [f"10.9.0.1 {HOST_KEY}", f"203.0.113.3 {HOST_KEY}", f"10.9.0.2 {HOST_KEY}"]


def test_ansible_logs_in_with_the_same_key(folder):
    listed = json.loads(said(sys.executable, "-m", "ansible", "inventory", "--list", "-i", "inventory.yml", cwd=folder))
    known = listed["_meta"]["hostvars"]["train-02"]

    assert (known["ansible_host"], known["ansible_port"]) == ("10.9.0.2", 22)
    assert known["ansible_ssh_private_key_file"] == "~/.ssh/metalyard_cluster"
    outside = kit_of(INSIDE)["inventory.yml"].decode()
    assert "private_key" not in outside
    assert "203.0.113.1" in outside


def test_the_names_lead_inside_for_everybody():
    inside, outside = kit_of(on_nodes(INSIDE)), kit_of(INSIDE)

    assert inside["hosts"] == outside["hosts"]
    assert b"10.9.0.2\ttrain-02\n" in outside["hosts"]
    assert b"NodeAddr=10.9.0.2 " in outside["slurm-nodes.conf"]
    assert b"HostName 203.0.113.1\n    Port 2202\n" in outside["ssh_config"]
    machines = json.loads(outside["machines.json"])["machines"]
    assert [(one["hostname"], one["ssh"]["port"], one["inner_address"]) for one in machines] == [
        ("train-01", 2201, "10.9.0.1"), ("train-03", 22, None), ("train-02", 2202, "10.9.0.2"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["torchrun.sh", "mpirun-nccl.sh"])
def test_scripts_start_what_they_say_with_all_gpus(folder, name):
    tool = folder / {"torchrun.sh": "torchrun", "mpirun-nccl.sh": "mpirun"}[name]
    tool.write_text('#!/bin/sh\necho "$@"\n')
    tool.chmod(0o755)

    done = subprocess.run(
        ["sh", folder / name, "a b"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    wanted = {
        "torchrun.sh": "--nnodes=3 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-id=res_1 --rdzv-endpoint=10.9.0.1:",
        "mpirun-nccl.sh": f"--hostfile {folder}/hostfile -np 24",
    }
    assert done.stdout.startswith(wanted[name])
    assert done.stdout.endswith("a b\n")


def test_the_first_page_is_one_page():
    lines = kit_of(on_nodes(INSIDE))["README.txt"].decode().splitlines()

    assert len(lines) <= 15
    assert max(map(len, lines)) <= 120
    assert {name for name in KIT if any(name in line for line in lines)} >= {
        "ssh_config", "hosts", "inventory.yml", "topology.yaml", "gres.conf", "report.pdf", "mpirun-nccl.sh",
    }  # fmt: skip


def test_a_cluster_of_nobody_has_a_kit():
    assert set(kit_of(cluster_of("res_1", "train", []))) == set(KIT)
