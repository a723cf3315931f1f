"""How states look and read."""

import pytest

from portal.core.models import Stateful
from portal.core.states import Nature
from portal.core.wording import TONES, tone_of, words_of

STATES = [(kind, state) for kind in Stateful.__subclasses__() for state in kind.STATES.states.values()]


@pytest.mark.parametrize(("kind", "state"), STATES, ids=lambda value: getattr(value, "name", None) or value.__name__)
def test_every_state_of_every_table_has_a_colour(kind, state):
    assert state.name in TONES
    assert tone_of(state.name) in ("", "ok", "busy", "warn", "bad")


def test_the_tables_hold_states_of_every_nature():
    assert {state.nature for _, state in STATES} == set(Nature)


def test_states_that_have_no_words_of_their_own_are_written_out():
    assert words_of("deploy_failed") == "Deploy failed"
    assert words_of("in_use") == "In use"
    assert tone_of("unheard_of") == ""
