"""The verdict on servers together: only a whole measurement within the band passes, and a double never as one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.operations.failures import FAILURES, OF_ALL
from portal.operations.on_machine import agent
from provisioning.acceptance.band import Band
from provisioning.acceptance.bandwidth import FAILURE, LARGEST_BYTES, SLOW, bandwidth_of, cluster_report_of
from provisioning.acceptance.collected import DOUBLE_MARK, Output, read_output
from tests.provisioning.acceptance.test_nccl import LAST
from tests.provisioning.acceptance.test_parsers import sample

TABLE = sample("all-reduce-2x8.txt")
BAND = Band(servers=2, gpus=8, least=330, most=400, is_emulated=False)


def judged(text, band=BAND):
    return bandwidth_of(read_output({"status": 0, "out": text, "cut": False}), band)


def test_a_measurement_within_the_band_passes():
    found = judged(TABLE)

    assert (found.result, found.failure, found.peak, len(found.sizes)) == ("passed", "", 337.35, 9)
    assert (found.expected, found.found) == ("330 to 400 GB/s over 16 GPUs", "337.35 GB/s at the peak")


@pytest.mark.parametrize(
    ("least", "most", "failure"),
    [(337, 338, ""), (338, 0, SLOW), (338, 400, SLOW), (1, 337, FAILURE), (1, 0, "")],
)
def test_both_ends_of_the_band_count(least, most, failure):
    found = judged(TABLE, replace(BAND, least=least, most=most))

    assert (found.failure, found.result) == (failure, "failed" if failure else "passed")


@pytest.mark.parametrize(("servers", "gpus"), [(3, 8), (1, 8), (4, 4), (1, 16), (2, 4)], ids=lambda number: str(number))
def test_fewer_or_other_gpus_than_promised_prove_nothing(servers, gpus):
    found = judged(TABLE, replace(BAND, servers=servers, gpus=gpus))

    assert (found.result, found.failure, found.peak) == ("failed", FAILURE, 0.0)
    assert "16 GPUs of 2 servers took part" in found.found


def test_a_table_of_small_sizes_only_proves_nothing():
    lines = [line for line in TABLE.splitlines() if not line.strip().startswith(("8589934592", "4294967296"))]

    assert judged("\n".join(lines)).failure == FAILURE


def test_what_the_agent_asks_for_reaches_the_largest_size():
    asked = agent.ALL_REDUCE_SIZES[agent.ALL_REDUCE_SIZES.index("--maxbytes") + 1]

    assert asked == f"{LARGEST_BYTES // 1024**3}G"


def test_wrong_results_fail_however_fast_they_were():
    assert judged(TABLE.replace(LAST, LAST[:-1] + "1")).failure == FAILURE


@pytest.mark.parametrize("said", [{"absent": True}, {"status": 124, "out": ""}, {"status": 0, "cut": True}, 7, None])
def test_a_tool_that_says_nothing_fails_real_servers_and_is_not_run_on_emulated_ones(said):
    real, emulated = (bandwidth_of(read_output(said), replace(BAND, is_emulated=kind)) for kind in (False, True))

    assert (real.result, real.failure) == ("failed", FAILURE)
    assert (emulated.result, emulated.failure) == ("not_run", "")
    assert "all_reduce_perf" in emulated.found


def test_a_double_proves_nothing_of_real_servers_and_is_named_on_emulated_ones():
    text = f"{DOUBLE_MARK}: emulated\n{TABLE}"

    assert judged(text).failure == FAILURE
    assert judged(text, replace(BAND, is_emulated=True)).result == "test_double"
    assert judged(text, replace(BAND, is_emulated=True, least=350)).failure == SLOW


@pytest.mark.parametrize(
    ("band", "why"),
    [
        (replace(BAND, least=0, most=0), "nothing is promised"),
        (replace(BAND, servers=1, gpus=1), "one GPU has no other to reduce with"),
    ],
)
def test_where_there_is_nothing_to_measure_nothing_is_judged(band, why):
    found = bandwidth_of(Output("hostile"), band)

    assert (band.why_not, found.found, found.result, found.failure) == (why, why, "not_run", "")


def test_the_report_names_the_servers_the_pairs_and_each_size():
    report = cluster_report_of([("srv_1", "a"), ("srv_2", "b")], judged(TABLE))

    assert (report["verdict"], report["servers"], report["hostnames"], report["pairs"]) == (
        "passed", ["srv_1", "srv_2"], ["a", "b"], 2,
    )  # fmt: skip
    assert report["all_reduce"]["sizes"][-1] == {"size_bytes": 8589934592, "busbw": 337.35}
    assert cluster_report_of([("srv_1", "a")], judged(""))["verdict"] == "failed"


def test_both_failures_have_words_and_blame_no_server():
    assert {FAILURE, SLOW} <= set(FAILURES) & OF_ALL


@given(st.text(max_size=300))
def test_any_text_gives_a_plain_short_line(text):
    found = judged(text)

    assert found.failure == FAILURE
    assert found.found.isprintable()
    assert len(found.found) <= 200
