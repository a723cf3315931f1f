"""Counting in the shared cache."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache

from portal.core.counters import count_up

NOW = datetime(2040, 1, 1, tzinfo=UTC)


@pytest.fixture
def key():
    name = f"test-{uuid4()}"
    yield name
    cache.delete(name)


def test_each_call_counts_one_more(key):
    assert [count_up(key, 60) for _ in range(3)] == [1, 2, 3]


def test_keys_are_counted_apart(key):
    count_up(key, 60)

    assert count_up(f"{key}-other", 60) == 1


def test_the_window_begins_with_the_first_and_is_not_prolonged(key):
    with time_machine.travel(NOW, tick=False) as clock:
        counts = []
        for second in (0, 59, 61, 62):
            clock.move_to(NOW + timedelta(seconds=second))
            counts.append(count_up(key, 60))

    assert counts == [1, 2, 1, 2]
