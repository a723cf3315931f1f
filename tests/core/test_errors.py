"""Refusals have stable codes of their own."""

import pytest

from portal.core.errors import DomainError, FieldError, InvalidInput, all_error_types

KINDS = all_error_types()


def test_every_refusal_is_listed_once_and_has_a_code_of_its_own():
    assert len(KINDS) == len(set(KINDS))
    assert len({kind.code for kind in [DomainError, *KINDS]}) == len(KINDS) + 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_refusal_says_what_it_is(kind):
    assert kind.__doc__
    assert kind.code.replace("_", "").isalpha()
    assert kind.code == kind.code.lower()
    assert kind.title
    assert 400 <= kind.status < 500 or kind.status == 503, "the asker can do something about it, or wait"


def test_a_refusal_carries_what_a_client_needs():
    error = InvalidInput.of("count", "too_many", "Ask for fewer.")

    assert str(error) == error.detail == "Ask for fewer."
    assert error.errors == (FieldError("count", "too_many", "Ask for fewer."),)
    assert error.extra == {}
