"""The form of API tokens: recognisable without asking the database, and stored only as a hash."""

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.core.ids import ALPHABET
from portal.tenancy import tokens

GOOD = tokens.new_token()
LENGTH = tokens.SECRET_LENGTH + tokens.CHECKSUM_LENGTH


@pytest.mark.parametrize("prefix", [tokens.LIVE, tokens.TEST])
def test_a_fresh_token_is_well_formed(prefix):
    made = tokens.new_token(prefix)

    assert made.startswith(prefix)
    assert len(made) == len(prefix) + LENGTH
    assert tokens.is_well_formed(made)


def test_tokens_differ_beyond_what_is_shown():
    made = {tokens.new_token()[tokens.SHOWN_LENGTH :] for _ in range(500)}

    assert len(made) == 500
    assert LENGTH - (tokens.SHOWN_LENGTH - len(tokens.LIVE)) >= 26, "what is not shown has 130 bits"


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        tokens.LIVE,
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD.removeprefix(tokens.LIVE),
        tokens.LIVE + GOOD,
        GOOD.replace(tokens.LIVE, "my_dead_"),
        "é" * len(GOOD),
    ],
    ids=[
        "empty",
        "nothing but the prefix",
        "cut",
        "too long",
        "line end",
        "leading space",
        "capitals",
        "no prefix",
        "two prefixes",
        "other prefix",
        "not ASCII",
    ],
)
def test_anything_else_is_not(malformed):
    assert not tokens.is_well_formed(malformed)


@given(st.integers(len(tokens.LIVE), len(GOOD) - 1), st.sampled_from(ALPHABET))
def test_one_altered_character_is_found(position, other):
    assume(GOOD[position] != other)

    assert not tokens.is_well_formed(GOOD[:position] + other + GOOD[position + 1 :])


def test_only_the_hash_is_stored():
    assert tokens.digest(GOOD) == hashlib.sha256(GOOD.encode()).hexdigest()
