"""The verdict: each check can fail, and a test double proves nothing of a real server."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.operations.failures import FAILURES
from provisioning.acceptance.collected import DOUBLE_MARK, Unreadable, read_collected
from provisioning.acceptance.verdict import FAILURE_OF, RULES, Reference, checks_of, failures, report_of
from tests.provisioning.acceptance.test_parsers import sample

REAL = Reference(
    "NVIDIA A100-SXM4-80GB", 1, False, driver="535.54.03", nvlinks=18, ports=1, link_rate_gbps=400, drives=("D1",)
)
GOOD = {
    "nvidia_smi": sample("a100-sxm4.xml"),
    "nvidia_topology": sample("topo-8gpu.txt"),
    "dcgm": sample("dcgm-diag.json"),
    "ibstat": sample("ibstat-400.txt"),
    "drives": '{"blockdevices": [{"name": "nvme0n1", "serial": "D1"}]}',
}


def said(texts=GOOD, *, time=1000.5, tools=None):
    known = {name: {"status": 0, "out": text, "cut": False} for name, text in texts.items()}
    answer = {"schema": "metalyard.collected/1", "hostname": "a", "kernel": "6.1", "time": time, "tools": known}
    answer["tools"] |= tools or {}
    return json.dumps({"began": 1000.0, "ended": 1001.0, "answer": json.dumps(answer)})


def results(document, reference=REAL):
    return {check.name: check.result for check in checks_of(read_collected(document), reference)}


def test_a_server_that_is_what_its_type_promises_passes():
    assert results(said()) == dict.fromkeys(FAILURE_OF, "passed")


@pytest.mark.parametrize(
    ("name", "tool", "old", "new"),
    [
        ("gpus", "nvidia_smi", "A100-SXM4-80GB", "A100-SXM4-40GB"),
        ("ecc_uncorrectable", "nvidia_smi", "<sram_uncorrectable>0", "<sram_uncorrectable>1"),
        ("driver", "nvidia_smi", "535.54.03", "535.54.04"),
        ("nvlink", "nvidia_topology", "NV18", "NV12"),
        ("gpu_diagnostic", "dcgm", "PASS", "FAIL"),
        ("gpu_diagnostic", "dcgm", "PASS", "SKIP"),
        ("fabric_links", "ibstat", "Rate: 400", "Rate: 200"),
        ("drives", "drives", "D1", "D2"),
        ("drives", "drives", "D1", "D12"),
        ("drives", "drives", '"serial": "D1"', '"serial": null, "model": "D1"'),
        ("drives", "drives", "blockdevices", "devices"),
    ],
)
def test_each_difference_fails_its_check_and_no_other(name, tool, old, new):
    found = results(said({**GOOD, tool: GOOD[tool].replace(old, new)}))

    assert [check for check, result in found.items() if result != "passed"] == [name]


def test_a_clock_that_is_off_fails():
    assert results(said(time=990.0))["clock"] == "failed"
    assert results(said(time=1010.0))["clock"] == "failed"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "trouble", [{"absent": True}, {"status": 9, "out": ""}, {"status": 0, "out": "", "cut": True}, 7]
)
def test_a_tool_that_says_nothing_fails_a_real_server(rule, trouble):
    assert results(said(tools={rule.tool: trouble}))[rule.name] == "failed"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_double_never_proves_a_real_server_and_is_named_on_an_emulated_one(rule):
    document = said({**GOOD, rule.tool: f"{DOUBLE_MARK}: emulated\n{GOOD[rule.tool]}"})

    assert results(document)[rule.name] == "failed"
    assert results(document, replace(REAL, is_emulated=True))[rule.name] == "test_double"


def test_a_double_that_shows_something_wrong_fails_an_emulated_server_too():
    text = f"{DOUBLE_MARK}\n" + GOOD["nvidia_smi"].replace("<gpu ", "<nogpu ").replace("</gpu>", "</nogpu>")
    found = results(said({**GOOD, "nvidia_smi": text}), replace(REAL, is_emulated=True))

    assert found["gpus"] == "failed"


def test_a_virtual_server_without_gpus_is_not_said_to_have_passed_their_checks():
    found = results(said(tools={"nvidia_smi": {"absent": True}}), replace(REAL, is_emulated=True))

    assert (found["gpus"], found["drives"]) == ("not_run", "passed")


def test_the_report_says_failed_as_soon_as_one_check_failed():
    good = read_collected(said())
    bad = checks_of(read_collected(said({})), REAL)

    assert report_of(good, checks_of(good, REAL))["verdict"] == "passed"
    assert report_of(good, bad)["verdict"] == "failed"
    assert failures(bad)


def test_every_failure_has_words_for_the_customer():
    assert set(FAILURE_OF.values()) | {"acceptance_unreadable"} <= set(FAILURES)


HOSTILE = ["", "{", "[]", "null", '{"answer": 5}', json.dumps({"answer": "[" * 100_000}), "x" * (5 * 1024 * 1024)]


@pytest.mark.parametrize("document", HOSTILE, ids=range(len(HOSTILE)))
def test_what_no_agent_of_ours_wrote_is_unreadable(document):
    with pytest.raises(Unreadable):
        read_collected(document)


@pytest.mark.parametrize("time", [None, "now", True, float("nan"), float("inf")])
def test_a_time_that_is_none_is_unreadable(time):
    with pytest.raises(Unreadable):
        read_collected(said(time=time))


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=200) | st.none() | st.integers()))
def test_any_answers_of_tools_give_a_report_of_plain_short_lines(texts):
    checks = checks_of(read_collected(said({**GOOD, **texts})), REAL)

    assert [check.name for check in checks] == [*(rule.name for rule in RULES), "clock"]
    for check in checks:
        assert check.expected.isprintable()
        assert check.found.isprintable()
        assert len(check.found) <= 200
