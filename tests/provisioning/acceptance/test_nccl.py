"""The table of all_reduce_perf: published ones are read, and one that proves nothing is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.acceptance.collected import Unreadable
from provisioning.acceptance.nccl import Size, read_all_reduce
from tests.provisioning.acceptance.test_parsers import sample

TABLE = sample("all-reduce-2x8.txt")
OLD = sample("all-reduce-old.txt")


def test_sizes_and_ranks_are_read_and_the_worse_of_both_placements_counts():
    found = read_all_reduce(TABLE)

    assert found.ranks == {"ztan-mig-235z": 8, "ztan-mig-gq73": 8}
    assert found.sizes[1] == Size(1048576, 9.49)
    assert found.sizes[-1] == Size(8589934592, 337.35)
    assert found.peak == 337.35


def test_a_table_without_root_and_with_deviations_is_read_too():
    found = read_all_reduce(OLD)

    assert (found.ranks, found.sizes[1], found.peak) == ({}, Size(1048576, 6.39), 22.85)


def test_what_nccl_says_in_between_does_not_matter():
    noisy = TABLE.replace(
        "# Out of", "a:12:12 [0] NCCL INFO comm 0x1 - Destroy COMPLETE\nNCCL version 2.20.5\n# Out of"
    )
    newer = (
        "# Collective test starting: all_reduce_perf\n" + noisy + "#\n# Collective test concluded: all_reduce_perf\n"
    )

    assert read_all_reduce(newer) == read_all_reduce(TABLE)


LAST = next(line for line in TABLE.splitlines() if line.strip().startswith("8589934592"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (LAST, LAST[:-1] + "3", "results of 8589934592 bytes are wrong"),
        (LAST, LAST[:-1] + "N/A", "N/A is no measurement"),
        ("337.35", "nan", "nan is no measurement"),
        ("337.35", "inf", "inf is no measurement"),
        ("337.35", "-7.35", "-7.35 is no measurement"),
        ("337.35", "1e999", "1e999 is no measurement"),
        (LAST, LAST[:60], "damaged"),
        (LAST, LAST.replace("8589934592", "8"), "ascending"),
        ("values : 0 OK", "values : 50 FAILED", "50 results are wrong"),
        ("# Out of bounds values : 0 OK\n", "", "before the tool was through"),
        ("# Avg bus bandwidth", "# Avg", "before the tool was through"),
        ("#  Rank 15", "#  Rank 14", "a rank is missing, or there twice"),
        ("#  Rank  0", "#  Rang  0", "a rank is missing, or there twice"),
        ("busbw #wrong     time", "busbw  size     time", "columns"),
        ("#       size", "#       sise", "no table"),
    ],
)
def test_what_is_wrong_or_not_whole_is_refused_with_the_reason(old, new, why):
    spoilt = TABLE.replace(old, new)
    assert spoilt != TABLE

    with pytest.raises(Unreadable, match=why):
        read_all_reduce(spoilt)


def test_servers_that_each_measured_alone_are_refused():
    """Built without MPI every process is rank 0 and prints a table of its own."""
    with pytest.raises(Unreadable, match="more than one table"):
        read_all_reduce(TABLE + TABLE)


@pytest.mark.parametrize("end", range(10, len(TABLE) - 40, 97))
def test_a_table_that_was_cut_is_refused(end):
    with pytest.raises(Unreadable):
        read_all_reduce(TABLE[:end])


@pytest.mark.parametrize(
    "text", ["", "\x00\x1b[2J", "{{ lookup('pipe', 'id') }}", "#\n" * 100_000, "9" * 500_000, "# size count type\n1"]
)
def test_what_is_no_table_is_unreadable_and_nothing_else(text):
    with pytest.raises(Unreadable):
        read_all_reduce(text)


LINES = st.sampled_from([*TABLE.splitlines(), *OLD.splitlines()]) | st.text(max_size=80)


@given(st.lists(LINES, max_size=40).map("\n".join) | st.text())
def test_any_text_is_read_or_refused(text):
    try:
        found = read_all_reduce(text)
    except Unreadable:
        return
    assert all(size.busbw >= 0 for size in found.sizes)
    assert all(host.isprintable() for host in found.ranks)
