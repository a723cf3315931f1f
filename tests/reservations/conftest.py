"""Fixtures of the reservations' tests."""

from datetime import UTC, datetime

import pytest
import time_machine

from portal.reservations.selectors import contradictions, orphaned_servers

NOON = datetime(2031, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon():
    """Stop the clock at a full hour, so that instants compare exactly; it moves by ``shift`` and ``move_to``."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def nothing_contradicts():
    """Check after a test that the states of all rows fit together."""
    yield
    assert not contradictions().exists()
    assert not orphaned_servers().exists()
