"""Random walks over every table: what the database has is what the table says, step by step."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from portal.audit.models import AuditEvent
from portal.audit.services import target_of
from portal.audit.transitions import advance
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from tests.audit import rows

WALKS = settings(max_examples=15, stateful_step_count=20)


class Walk(RuleBasedStateMachine):
    """Two people with one row: one always looks first, the other acts on what it saw some time ago."""

    row = None

    def __init__(self):
        super().__init__()
        self.table = self.row.STATES
        self.state = None
        self.trail = []
        self.first = AuditEvent.objects.count()

    @initialize(data=st.data())
    def begin(self, data):
        self.state = data.draw(st.sampled_from(self.table.initial))
        rows.put(self.row, self.state)
        self.stale = type(self.row).objects.get(pk=self.row.pk)

    def attempt(self, row, to):
        allowed = row.state == self.state and to in self.table.states[self.state].then
        try:
            advance(row, to, actor=SYSTEM)
        except StateConflict:
            assert not allowed
        else:
            assert allowed
            self.trail.append((self.state, to))
            self.state = to

    @rule(data=st.data())
    def step(self, data):
        to = data.draw(st.sampled_from(sorted(self.table.states)))
        self.attempt(type(self.row).objects.get(pk=self.row.pk), to)

    @precondition(lambda self: self.table.followers(self.state))
    @rule(data=st.data())
    def step_on(self, data):
        to = data.draw(st.sampled_from(self.table.followers(self.state)))
        self.attempt(type(self.row).objects.get(pk=self.row.pk), to)

    @rule(data=st.data())
    def step_late(self, data):
        to = data.draw(st.sampled_from(sorted(self.table.states)))
        self.attempt(self.stale, to)

    @rule()
    def look(self):
        self.stale = type(self.row).objects.get(pk=self.row.pk)

    @invariant()
    def the_database_agrees(self):
        assert rows.stored(self.row)["state"] == self.state

    @invariant()
    def every_accepted_step_is_recorded_once(self):
        events = AuditEvent.objects.order_by("pk")[self.first :]
        assert [(event.target, event.data["from"], event.data["to"]) for event in events] == [
            (target_of(self.row), before, after) for before, after in self.trail
        ]


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(rows.MODELS))
def test_the_database_follows_the_table(name):
    machine = type("Walk", (Walk,), {"row": rows.make(name)})

    run_state_machine_as_test(machine, settings=WALKS)
