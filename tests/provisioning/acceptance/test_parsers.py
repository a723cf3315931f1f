"""The parsers, on published outputs of the real tools (samples/README.md)."""

from pathlib import Path

import pytest

from provisioning.acceptance.collected import Unreadable
from provisioning.acceptance.fabric import Port, read_diagnostic, read_ports
from provisioning.acceptance.smi import Gpu, read_gpus, read_links

SAMPLES = Path(__file__).parent / "samples"


def sample(name):
    return (SAMPLES / name).read_text()


def test_a_gpu_is_read_and_its_partitions_are_not_taken_for_gpus():
    found = read_gpus(sample("a100-sxm4.xml"))

    assert found.driver == "535.54.03"
    assert found.gpus == (Gpu("NVIDIA A100-SXM4-80GB", "1650522003820", 81920, 0),)


def test_uncorrectable_errors_since_the_boot_are_counted_and_no_others():
    text = sample("a100-sxm4.xml").replace("<dram_uncorrectable>0<", "<dram_uncorrectable>3<")

    assert read_gpus(text).gpus[0].uncorrectable == 3


def test_the_links_of_all_pairs_are_read():
    links = read_links(sample("topo-8gpu.txt"))

    assert len(links) == 28
    assert set(links.values()) == {18}


def test_a_pair_that_is_not_linked_has_none():
    links = read_links(sample("topo-8gpu.txt").replace("GPU0\t X \tNV18", "GPU0\t X \tSYS"))

    assert links["GPU0", "GPU1"] == 0
    assert links["GPU0", "GPU2"] == 18


def test_a_diagnostic_that_passed_has_no_failed_tests():
    assert read_diagnostic(sample("dcgm-diag.json")) == {}


def test_a_failed_test_of_a_diagnostic_is_named():
    text = sample("dcgm-diag.json").replace('"PASS"', '"FAIL"', 1)

    assert read_diagnostic(text) == {"Denylist": "FAIL"}


def test_a_port_is_up_when_both_of_its_states_are():
    text = sample("ibstat-400.txt")

    assert read_ports(text) == (Port("mlx5_0", True, 400),)
    assert read_ports(text.replace("LinkUp", "Polling")) == (Port("mlx5_0", False, 400),)
    assert read_ports(text + text.replace("mlx5_0", "mlx5_1"))[1] == Port("mlx5_1", True, 400)


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><nvidia_smi_log>&b;</nvidia_smi_log>'


@pytest.mark.parametrize("read", [read_gpus, read_links, read_diagnostic, read_ports])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x1b[2J",
        "{{ lookup('pipe', 'id') }}",
        "<a>" * 100_000,
        "[" * 100_000,
        ENTITIES,
        "{}",
        "GPU0 GPU0\nGPU0",
    ],
    ids=["empty", "control", "template", "deep xml", "deep json", "entities", "object", "no matrix"],
)
def test_what_is_none_of_theirs_is_unreadable_and_nothing_else(read, text):
    with pytest.raises(Unreadable):
        read(text)
