"""Who is blamed for pairs of servers that do not reach one another."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.acceptance.pairs import to_blame

NAMES = "abcdefg"


def between(some, others):
    """Return every pair that crosses from one group to the other, both ways."""
    return {pair for one in some for other in others for pair in ((one, other), (other, one))}


@pytest.mark.parametrize(
    ("failed", "blamed"),
    [
        (set(), ""),
        (between("a", "bcd"), "a"),
        ({("b", "a"), ("c", "a")}, "a"),
        ({("a", "b")}, "ab"),
        (between("ab", "cde"), "ab"),
        (between("ab", "cd"), "abcd"),
        (between("a", "bcde") | between("b", "cde"), "ab"),
        ({("a", "b"), ("b", "a"), ("b", "c")}, "b"),
        ({("a", "a")}, "a"),
    ],
)
def test_the_fewest_are_blamed_and_equals_alike(failed, blamed):
    assert to_blame(failed) == frozenset(blamed)


PAIRS = list(itertools.permutations(NAMES, 2))


@given(st.sets(st.sampled_from(PAIRS)))
def test_without_those_that_are_blamed_no_pair_failed(failed):
    blamed = to_blame(failed)

    assert all(blamed & set(pair) for pair in failed)
    assert blamed <= {name for pair in failed for name in pair}


@given(st.sets(st.sampled_from(PAIRS)), st.permutations(NAMES))
def test_names_do_not_matter(failed, others):
    renamed = dict(zip(NAMES, others, strict=True))

    assert to_blame({(renamed[one], renamed[other]) for one, other in failed}) == {
        renamed[name] for name in to_blame(failed)
    }


@given(st.sampled_from(NAMES), st.integers(3, len(NAMES)))
def test_one_that_nobody_reaches_is_blamed_alone(broken, size):
    others = [name for name in NAMES if name != broken][: size - 1]

    assert to_blame(between(broken, others)) == {broken}
