"""Public ids name the kind of thing and sort by the time they were made."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from portal.core import ids

START = datetime(2030, 1, 1, tzinfo=UTC)
GOOD = "res_01arz3ndektsv4rrffq69g5fav"


@pytest.mark.parametrize("prefix", list(ids.Prefix))
def test_a_fresh_id_has_the_prefix_of_its_kind_and_no_other(prefix):
    made = ids.new_id(prefix)

    assert [kind for kind in ids.Prefix if ids.has_prefix(made, kind)] == [prefix]
    assert len(made) == len(prefix) + 1 + ids.ULID_LENGTH <= ids.MAX_LENGTH


def test_ids_made_later_sort_later_to_the_millisecond():
    made = []
    for step in range(50):
        with time_machine.travel(START + timedelta(milliseconds=step), tick=False):
            made.append(ids.new_id("res"))

    assert made == sorted(made)


def test_ids_of_one_instant_differ():
    with time_machine.travel(START, tick=False):
        made = {ids.new_id("res") for _ in range(1000)}

    assert len(made) == 1000


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "res",
        "res_",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD.replace("_", "-"),
        GOOD.replace("k", "i"),
        GOOD.replace("k", "é"),
        "res_" + "0" * 25 + "\x00",
        "org_" + GOOD,
    ],
)
def test_a_malformed_id_is_of_no_kind(malformed):
    assert ids.has_prefix(GOOD, "res")
    assert not ids.has_prefix(malformed, "res")


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_base_32_keeps_value_and_order(one, two):
    first, second = ids.encode_base32(one, ids.ULID_LENGTH), ids.encode_base32(two, ids.ULID_LENGTH)

    read = 0
    for digit in first:
        read = read * 32 + ids.ALPHABET.index(digit)
    assert read == one
    assert (first < second) == (one < two)
