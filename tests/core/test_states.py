"""Tables that contradict themselves do not import, and every table of the portal holds what tables promise."""

from datetime import timedelta

import pytest
from django.apps import apps

from portal.core.models import Stateful
from portal.core.states import Nature, State, StateTable

HOUR = timedelta(hours=1)
TABLES = [model.STATES for model in apps.get_models() if issubclass(model, Stateful)]
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def rest(name, *then):
    return State(name, "Waits.", Nature.REST, then)


def final(name):
    return State(name, "Over.", Nature.FINAL)


def working(name, *then, deadline=HOUR, overdue="b"):
    return State(name, "Works.", Nature.WORKING, then, deadline, overdue)


@pytest.mark.parametrize(
    "problem, initial, states",
    [
        ("names unknown states", "a", [rest("a", "b", "c"), final("b")]),
        ("names unknown states", "a", [working("a", "b", overdue="c"), final("b")]),
        ("names a state twice", "a", [rest("a", "b"), final("b"), final("b")]),
        ("begins in", "", [rest("a", "b"), final("b")]),
        ("begins in", "c", [rest("a", "b"), final("b")]),
        ("follows itself", "a", [rest("a", "a", "b"), final("b")]),
        ("final states, and only they", "a", [rest("a")]),
        ("final states, and only they", "a", [State("a", "Over.", Nature.FINAL, ("b",)), final("b")]),
        ("working states, and only they", "a", [working("a", "b", deadline=None), final("b")]),
        ("working states, and only they", "a", [State("a", "Waits.", Nature.REST, ("b",), HOUR, "b"), final("b")]),
        ("deadline must lie ahead", "a", [working("a", "b", deadline=timedelta(0)), final("b")]),
        ("cannot become overdue", "a", [State("a", "Waits.", Nature.REST, ("b",), None, "b"), final("b")]),
        ("must move to one of its successors", "a", [working("a", "b", overdue=""), final("b")]),
        ("must move to one of its successors", "a", [working("a", "c"), rest("b", "c"), final("c")]),
        ("nothing leads to", "a", [rest("a", "b"), final("b"), final("c")]),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(problem, initial, states):
    with pytest.raises(ValueError, match=problem):
        StateTable.of("thing", list(initial), *states)


def test_what_a_table_answers():
    table = StateTable.of("thing", ["a"], rest("a", "c"), working("c", "b", "a"), final("b"))

    assert [pair for pair in [("a", "c"), ("c", "b"), ("a", "b"), ("b", "a"), ("x", "a")] if table.allows(*pair)] == [
        ("a", "c"),
        ("c", "b"),
    ]
    assert [table.named(nature) for nature in Nature] == [("c",), ("a",), ("b",)]
    assert table.choices == [("a", "a"), ("c", "c"), ("b", "b")]
    assert table.reachable("b") == {"b"}
    assert table.reachable("a") == {"a", "b", "c"}


def test_tables_have_names_of_their_own():
    names = [table.name for table in TABLES]

    assert {"server", "reservation", "allocation", "operation", "operation_server"} <= set(names)
    assert len(set(names)) == len(names)


@every_table
def test_every_state_is_explained_and_can_be_reached(table):
    assert all(state.meaning.endswith(".") for state in table.states.values())
    assert table.reachable(*table.initial) == set(table.states)


@every_table
def test_what_works_has_a_deadline_and_the_rest_has_none(table):
    for state in table.states.values():
        assert (state.deadline is not None and state.deadline > timedelta(0)) == (state.nature is Nature.WORKING)


@every_table
def test_lateness_alone_leads_out_of_work(table):
    for state in table.states.values():
        passed = []
        while state.nature is Nature.WORKING:
            assert state.name not in passed, f"lateness runs in a circle: {passed}"
            passed.append(state.name)
            state = table.states[state.overdue]


REMOVED = {"webhook_endpoint"}
"""Whose rows tenants remove, in whichever state they are: settings, with nothing to be seen through."""


@every_table
def test_every_state_can_come_to_an_end(table):
    finals = set(table.named(Nature.FINAL))

    if table.name in REMOVED:
        assert not finals
        assert {state.nature for state in table.states.values()} == {Nature.REST}
        return
    assert finals
    for name in table.states:
        assert table.reachable(name) & finals, f"{name} is a trap"


@every_table
def test_names_fit_their_column(table):
    assert max(map(len, table.states)) <= Stateful._meta.get_field("state").max_length
