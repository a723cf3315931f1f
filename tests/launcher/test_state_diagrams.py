"""The page of all states says what the tables say, and nothing else."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from portal.core.models import Stateful
from portal.core.states import Nature, State, StateTable
from portal.launcher.state_diagrams import CHAPTERS, COMMAND, FITS, Fit, diagram, document

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ARROW = re.compile(r"^ {4}(\S+) --> (\S+)(?: : after (.+) at the latest)?$", re.MULTILINE)
every_table = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.table.name)


def test_the_page_is_up_to_date():
    written = (REPOSITORY / "docs" / "states.md").read_text(encoding="utf-8")

    assert written == document(), f"docs/states.md is stale: run {COMMAND}"


def test_every_table_that_rows_follow_is_on_the_page():
    followed = {model.STATES.name for model in apps.get_models() if issubclass(model, Stateful)}

    assert sorted(chapter.table.name for chapter in CHAPTERS) == sorted(followed)


@every_table
def test_the_table_stands_in_the_file_that_is_named(chapter):
    assert f'StateTable.of(\n    "{chapter.table.name}"' in (REPOSITORY / chapter.source).read_text(encoding="utf-8")


@every_table
def test_the_diagram_has_every_step_and_no_other(chapter):
    states = chapter.table.states.values()
    steps = [(state.name, after) for state in states for after in state.then]
    ends = [(name, "[*]") for name in chapter.table.named(Nature.FINAL)]

    drawn = [(before, after) for before, after, _ in ARROW.findall(diagram(chapter.table))]

    assert sorted(drawn) == sorted([("[*]", name) for name in chapter.table.initial] + steps + ends)
    assert diagram(chapter.table).count("-->") == len(drawn)
    assert f"```mermaid\n{diagram(chapter.table)}```" in document()


@every_table
def test_the_diagram_tells_where_lateness_leads(chapter):
    late = {before: after for before, after, length in ARROW.findall(diagram(chapter.table)) if length}

    assert late == {state.name: state.overdue for state in chapter.table.states.values() if state.deadline}


@every_table
def test_every_state_has_a_row(chapter):
    for state in chapter.table.states.values():
        overdue = f"`{state.overdue}`" if state.overdue else ""
        row = rf"^\| `{state.name}` \| {re.escape(state.meaning)} \| {state.nature} \| [^|]* \| {overdue} \|$"
        assert re.search(row, document(), re.MULTILINE), state.name


@pytest.mark.parametrize(
    "deadline, words",
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(minutes=90), "90 min"),
        (timedelta(hours=24), "24 h"),
        (timedelta(seconds=90), "1.5 min"),
    ],
)
def test_deadlines_are_written_for_people(deadline, words):
    table = StateTable.of(
        "thing",
        ["a"],
        State("a", "Works.", Nature.WORKING, ("b",), deadline, "b"),
        State("b", "Over.", Nature.FINAL),
    )

    assert f"a --> b : after {words} at the latest\n" in diagram(table)
    assert f"| `a` | Works. | working | {words} | `b` |" in document([replace(CHAPTERS[0], table=table)])


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.parent)
def test_the_legal_pairs_are_on_the_page_for_every_state_of_the_parent(fit):
    parent = next(chapter.table for chapter in CHAPTERS if chapter.title == fit.parent)

    assert [state for state, _ in fit.legal] == list(parent.states)
    for state, children in fit.legal:
        assert f"| `{state}` | {', '.join(f'`{child}`' for child in children)} |\n" in document()


def test_a_change_of_a_table_changes_the_page():
    table = CHAPTERS[0].table
    retired = replace(table.states["retired"], meaning="Scrapped.")
    changed = replace(table, states={**table.states, "retired": retired})
    fewer = Fit("Reservation", "Allocations", [("held", ["booked"])])

    pages = [
        document(),
        document([replace(CHAPTERS[0], table=changed), *CHAPTERS[1:]]),
        document(fits=[fewer, *FITS[1:]]),
    ]

    assert len(set(pages)) == 3


def test_the_command_writes_the_page(tmp_path):
    page = tmp_path / "states.md"

    call_command("write_state_diagrams", to=page)

    assert page.read_text(encoding="utf-8") == document()
