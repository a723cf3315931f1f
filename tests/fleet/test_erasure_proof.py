"""What proves that a drive was erased, and that nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.fleet.erase_policy import BLOCK_BYTES, SAMPLE_BLOCKS, ErasePolicy, VerifyMode, all_methods
from portal.fleet.models import Drive, Erasure

sizes = st.integers(1, 2**62)
sampled_sizes = st.integers((SAMPLE_BLOCKS + 2) * BLOCK_BYTES, 2**62)
counts = st.integers(0, 2**62)
methods = st.sampled_from(all_methods())
policies = st.builds(
    ErasePolicy,
    st.lists(methods, unique=True, min_size=1).map(tuple),
    st.sampled_from(VerifyMode),
)
SAMPLING = ErasePolicy(("overwrite",), VerifyMode.SAMPLE)
WHOLE = ErasePolicy(("overwrite",), VerifyMode.FULL)
NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)


def evidence(size, **kwargs):
    """Return the evidence of a complete erasure of drive A, but for what is given."""
    fields = {
        "drive_serial": "A",
        "size_bytes": size,
        "method": "overwrite",
        "bytes_erased": size,
        "verify_mode": "full",
        "bytes_verified": size,
        "blocks_sampled": 0,
        "residue_bytes": 0,
        "started_at": NOON,
        "ended_at": NOON,
        **kwargs,
    }
    return Erasure(**fields)


def sampled(size, blocks=SAMPLE_BLOCKS, **kwargs):
    """Return the evidence of an erasure of which a sample was read back."""
    fields = {"bytes_verified": (blocks + 2) * BLOCK_BYTES, **kwargs}
    return evidence(size, verify_mode="sample", blocks_sampled=blocks, **fields)


def drive(size, serial="A"):
    return Drive(serial=serial, size_bytes=size)


@given(sizes, policies, st.data(), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_all_of_a_drive_erased_in_an_accepted_way_and_read_back_clean_is_proof(size, policy, data, span):
    method = data.draw(st.sampled_from(policy.methods))

    assert evidence(size, method=method, ended_at=NOON + span).proves(drive(size), policy)


@given(sampled_sizes, st.integers(SAMPLE_BLOCKS, 2**40))
def test_a_sample_is_proof_where_the_policy_takes_one_and_nowhere_else(size, blocks):
    assume((blocks + 2) * BLOCK_BYTES <= size)
    erasure = sampled(size, blocks)

    assert erasure.proves(drive(size), SAMPLING)
    assert not erasure.proves(drive(size), WHOLE)


@given(sampled_sizes, st.integers(0, SAMPLE_BLOCKS - 1), counts)
def test_a_smaller_sample_is_none_whatever_it_says_it_read(size, blocks, read):
    assert not sampled(size, blocks, bytes_verified=read).proves(drive(size), SAMPLING)


@given(sampled_sizes, st.integers(0, (SAMPLE_BLOCKS + 2) * BLOCK_BYTES - 1))
def test_a_sample_without_its_head_or_tail_is_none(size, read):
    assert not sampled(size, bytes_verified=read).proves(drive(size), SAMPLING)


@given(sizes, st.integers(1, 2**62))
def test_nobody_reads_back_more_than_there_is(size, more):
    for erasure in (evidence(size, bytes_verified=size + more), sampled(size, bytes_verified=size + more)):
        assert not erasure.proves(drive(size), SAMPLING)


@given(st.integers(1, (SAMPLE_BLOCKS + 2) * BLOCK_BYTES - 1))
def test_a_drive_that_is_smaller_than_a_sample_is_read_whole(size):
    assert not sampled(size).proves(drive(size), SAMPLING)
    assert evidence(size).proves(drive(size), SAMPLING)


@given(sizes, st.sampled_from(["size_bytes", "bytes_erased", "bytes_verified", "residue_bytes"]), counts)
def test_any_other_count_is_no_proof_and_the_reason_is_given(size, field, count):
    assume(count != getattr(evidence(size), field))
    erasure = evidence(size, **{field: count})

    assert not erasure.proves(drive(size), WHOLE)
    assert any(str(count) in flaw for flaw in erasure.flaws(drive(size), WHOLE))


@given(sampled_sizes, st.sampled_from(["size_bytes", "bytes_erased", "residue_bytes"]), counts)
def test_nor_is_it_with_a_sample(size, field, count):
    assume(count != getattr(sampled(size), field))

    assert not sampled(size, **{field: count}).proves(drive(size), SAMPLING)


@given(sizes, sizes)
def test_a_part_or_too_much_is_none_even_if_the_report_agrees_with_itself(size, count):
    assume(size != count)

    assert not evidence(count).proves(drive(size), WHOLE)


@given(sizes)
def test_another_drive_of_the_same_size_is_not_proved(size):
    assert not evidence(size).proves(drive(size, serial="B"), WHOLE)


@given(sizes, policies, st.one_of(methods, st.text(max_size=20)))
def test_a_way_of_erasing_that_is_not_accepted_proves_nothing(size, policy, method):
    assume(method not in policy.methods)

    assert not evidence(size, method=method).proves(drive(size), policy)


@given(sizes, st.timedeltas(timedelta(microseconds=1), timedelta(days=3)))
def test_what_ended_before_it_began_proves_nothing(size, span):
    assert not evidence(size, ended_at=NOON - span).proves(drive(size), WHOLE)


@given(sizes, st.text(max_size=8))
def test_what_was_read_back_in_no_known_way_proves_nothing(size, mode):
    assume(mode not in ("full", "sample"))

    for policy in (WHOLE, SAMPLING):
        assert not evidence(size, verify_mode=mode).proves(drive(size), policy)


@pytest.mark.parametrize("size", [0, -1])
def test_the_erasure_of_nothing_proves_nothing(size):
    assert not evidence(size).proves(drive(size), WHOLE)


def test_a_sample_of_that_size_finds_a_thousandth_left_over_in_99_of_100_cases():
    assert 1 - 0.999**SAMPLE_BLOCKS > 0.993
