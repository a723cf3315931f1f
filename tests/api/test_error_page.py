"""docs/errors.md."""

from portal.api.error_page import PATH, errors_page
from portal.api.problem_types import PROBLEM_TYPES
from portal.operations.event_types import EVENT_TYPES
from portal.operations.failures import FAILURES


def test_the_page_is_what_the_tables_say():
    assert PATH.read_text() == errors_page(), "stale: run `.tools/bin/uv run manage.py write_errors_page`"


def test_every_code_has_a_row():
    page = errors_page()

    for code in (*PROBLEM_TYPES, *FAILURES, *EVENT_TYPES):
        assert f"\n| `{code}` | " in page


def test_meanings_are_whole_sentences():
    for kind in PROBLEM_TYPES.values():
        assert kind.meaning.endswith("."), kind.code
        assert kind.title, kind.code
        assert 400 <= kind.status <= 599
