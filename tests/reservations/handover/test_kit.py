"""The kit's files, read by the programs that they are for where these are at hand."""

import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

import pypdf
import pytest
import yaml
from hypothesis import given

from portal.reservations.handover.kit import KIT, kit_of, kit_zip
from portal.reservations.handover.nodes import cluster_of, on_nodes
from portal.reservations.handover.slurm import gres_type
from tests.reservations.handover.clusters import cluster, clusters, node

SWITCH = re.compile(r"SwitchName=[\w-]+ (Nodes|Switches)=[\w,\[\]-]+")
NODE = re.compile(r"NodeName=\S+ NodeAddr=\S+ Gres=gpu:[a-z0-9_]+:\d+ RealMemory=\d+ State=UNKNOWN")


def unpacked(folder, some):
    for name, content in kit_of(some).items():
        (folder / name).write_bytes(content)
    return folder


def said(*command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_kit_has_the_files_that_the_api_names():
    assert list(KIT) == [
        "ssh_config", "known_hosts", "hosts", "hostfile", "hostlist", "inventory.yml", "machines.json",
        "topology.conf", "topology.yaml", "slurm-nodes.conf", "gres.conf", "nccl.conf", "torchrun.sh", "mpirun-nccl.sh",
        "report.json", "report.pdf", "README.txt",
    ]  # fmt: skip


def test_ssh_reads_the_configuration_and_takes_no_unknown_key(tmp_path):
    folder = unpacked(tmp_path, cluster())

    found = dict(
        line.split(" ", 1) for line in said("ssh", "-F", "ssh_config", "-G", "train-02", cwd=folder).splitlines()
    )

    assert (found["hostname"], found["port"], found["user"]) == ("10.0.0.2", "2222", "ubuntu")
    assert found["stricthostkeychecking"] == "true"
    assert found["userknownhostsfile"].split()[:2] == ["/opt/handover/known_hosts", "known_hosts"]


def test_ssh_keygen_finds_each_server_among_the_known_hosts(tmp_path):
    folder = unpacked(tmp_path, cluster())

    assert len(said("ssh-keygen", "-lf", "known_hosts", cwd=folder).splitlines()) == 3
    assert "[10.0.0.2]:2222" in said("ssh-keygen", "-F", "[10.0.0.2]:2222", "-f", "known_hosts", cwd=folder)
    assert "10.0.0.1" in said("ssh-keygen", "-F", "10.0.0.1", "-f", "known_hosts", cwd=folder)


def test_ansible_reads_the_inventory(tmp_path):
    folder = unpacked(tmp_path, cluster())

    listed = json.loads(said(sys.executable, "-m", "ansible", "inventory", "--list", "-i", "inventory.yml", cwd=folder))

    assert listed["fabric_a"]["children"] == ["rack_a_r001", "rack_a_r002"]
    assert listed["rack_a_r001"]["hosts"] == ["train-01", "train-02"]
    assert listed["_meta"]["hostvars"]["train-02"]["ansible_port"] == 2222


def test_the_host_file_is_in_the_order_of_the_fabric():
    some = cluster(node(1, fabric="B"), node(2, rack="r9", unit=1), node(3, unit=7), node(4, unit=3))

    assert kit_of(some)["hostfile"].decode().splitlines() == [
        "train-04 slots=8", "train-03 slots=8", "train-02 slots=8", "train-01 slots=8",
    ]  # fmt: skip


def test_a_server_that_is_reached_by_a_name_is_no_line_of_etc_hosts():
    lines = kit_of(cluster(node(1), node(2, address="n2.example")))["hosts"].decode().splitlines()

    assert lines[1:] == ["10.0.0.1\ttrain-01", "# train-02 is n2.example"]


def test_both_topologies_say_the_same():
    files = kit_of(cluster())

    assert files["topology.conf"].decode().splitlines()[1:] == [
        "SwitchName=rack_a_r001 Nodes=train-[01-02]",
        "SwitchName=rack_a_r002 Nodes=train-03",
        "SwitchName=fabric_a Switches=rack_a_r001,rack_a_r002",
    ]
    assert yaml.safe_load(files["topology.yaml"])[0]["tree"]["switches"] == [
        {"switch": "fabric_a", "children": "rack_a_r001,rack_a_r002"},
        {"switch": "rack_a_r001", "nodes": "train-[01-02]"},
        {"switch": "rack_a_r002", "nodes": "train-03"},
    ]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("odd one", "odd_one"),
    ],
)
def test_a_gpu_has_the_short_name_of_its_model(model, name):
    assert gres_type(model) == name


def test_roce_has_its_table_index_and_nothing_else_is_chosen_for_nccl():
    settings = [line for line in kit_of(cluster())["nccl.conf"].decode().splitlines() if not line.startswith("#")]
    over_ethernet = kit_of(cluster(node(1, technology="400G RoCE\nNCCL_ALGO=Ring")))["nccl.conf"].decode()

    assert settings == ["NCCL_IB_HCA=mlx5"]
    assert "\nNCCL_IB_GID_INDEX=3\n" in over_ethernet
    assert "\nNCCL_ALGO" not in over_ethernet


def test_equal_host_names_are_refused():
    with pytest.raises(ValueError, match="same host name"):
        cluster_of("res_1", "train", [node(1), node(2, hostname="train-01")])


@given(clusters)
def test_any_places_give_whole_files_in_one_order(some):
    files = {name: content.decode() for name, content in kit_of(some).items() if name != "report.pdf"}
    by_place = sorted(some.nodes, key=lambda item: (item.fabric, item.rack, item.unit, item.hostname))

    assert [line.split()[0] for line in files["hostfile"].splitlines()] == [item.hostname for item in by_place]
    assert len(set(some.labels.values())) == len(some.labels)
    assert all(SWITCH.fullmatch(line) for line in files["topology.conf"].splitlines()[1:])
    lines = [line for line in files["slurm-nodes.conf"].splitlines() if line.startswith("NodeName")]
    assert len(lines) == len(some.nodes)
    assert all(map(NODE.fullmatch, lines))
    assert set(yaml.safe_load(files["inventory.yml"])["all"]["hosts"]) == {item.hostname for item in some.nodes}
    assert json.loads(files["report.json"])["verdict"] == "not_run"


def test_the_archive_has_all_files_and_is_the_same_each_time():
    archive = kit_zip(cluster())

    assert archive == kit_zip(cluster(*reversed(cluster().nodes)))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(f"handover/{name}") for name in KIT} == kit_of(cluster())
        assert len(opened.namelist()) == len(KIT)


def words_of(content):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def test_the_report_on_paper_says_what_the_other_one_says():
    checks = [{"name": "gpus", "expected": "8 x H100", "found": "8 x H100", "result": "test_double"}] * 60
    report = {"verdict": "passed", "checks": checks}
    checked_at = datetime(2030, 1, 2, tzinfo=UTC)
    some = cluster(*(node(number, report=report, checked_at=checked_at) for number in (1, 2)))

    words = words_of(kit_of(some)["report.pdf"])

    assert "test doubles stood in" in words
    assert words.count("test double; expected 8 x H100; found 8 x H100") == 120
    assert "train-02 (srv_2): passed" in words
    assert "2030-01-02T00:00:00+00:00" in words
    assert kit_of(some)["report.pdf"] == kit_of(some)["report.pdf"]


MEASURED = {
    "servers": ["srv_1", "srv_2"],
    "hostnames": ["train-01", "train-02"],
    "verdict": "passed",
    "pairs": 2,
    "at": datetime(2030, 1, 2, tzinfo=UTC),
    "all_reduce": {
        "expected": "at least 350 GB/s over 16 GPUs",
        "found": "397 GB/s at the peak",
        "result": "test_double",
        "peak_busbw": 397.0,
        "sizes": [{"size_bytes": 4 * 1024**3, "busbw": 397.0}],
    },
}


def test_the_report_says_what_was_found_between_servers_on_paper_too():
    some = cluster_of("res_1", "train", [node(1), node(2)], measured=[MEASURED])

    (found,) = json.loads(kit_of(some)["report.json"])["clusters"]
    words = " ".join(words_of(kit_of(some)["report.pdf"]).split())

    assert (found["pairs"], found["all_reduce"], found["test_doubles"]) == (2, MEASURED["all_reduce"], ["all_reduce"])
    assert json.loads(kit_of(some)["report.json"])["test_doubles"] == ["all_reduce"]
    assert "2 servers together: passed" in words
    assert "test double; expected at least 350 GB/s over 16 GPUs; found 397 GB/s at the peak" in words
    assert "397 GB/s of bus bandwidth" in words
    assert "test doubles stood in" in words


def test_the_report_on_the_servers_says_where_that_is_found():
    some = on_nodes(cluster_of("res_1", "train", [node(1), node(2)], measured=[MEASURED]))

    report = json.loads(kit_of(some)["report.json"])

    assert (report["clusters"], report["test_doubles"]) == ([], [])
    assert report["note"] == "What was found between the servers is in the report that the portal gives."
    assert report["note"] in " ".join(words_of(kit_of(some)["report.pdf"]).split())


def test_the_report_names_the_checks_for_which_nothing_was_there():
    check = {"expected": "8 x H100", "result": "not_run"}
    checks = [
        {**check, "name": "gpus", "found": "nvidia_smi is not installed"},
        {**check, "name": "driver", "found": "", "expected": "nothing is promised"},
    ]
    some = kit_of(cluster(node(1, report={"verdict": "passed", "checks": checks})))

    note = json.loads(some["report.json"])["note"]
    assert note == "Emulated or virtual servers: not run, for want of what they ask: gpus."
    assert note in " ".join(words_of(some["report.pdf"]).split())


def test_a_report_on_servers_that_were_not_checked_says_so():
    assert "not checked" in words_of(kit_of(cluster())["report.pdf"])
