"""What folding leaves of the timeline is cleared away where it piles up, so that no reader has to pass it."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from portal.core import clock
from portal.reservations import calendar
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = """
INSERT INTO reservations_timelinestep (pool_id, grain, at, change, is_folded)
    SELECT pool, 24, date_trunc('day', now()), CASE WHEN n %% 2 = 0 THEN 1 ELSE -1 END, false
    FROM (SELECT min(id) AS pool FROM reservations_pool) AS p CROSS JOIN generate_series(1, %s) AS n
"""
READ = """
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT sum(change) FROM reservations_timelinestep
    WHERE pool_id = (SELECT min(id) FROM reservations_pool) AND grain = 24 AND at >= %s
"""


@pytest.fixture
def pool():
    factories.server(with_bmc=False)
    calendar.fold()
    calendar.clear_folded()


def fold_many(count):
    """Fold so many steps, and have the database count them at once, not after a while."""
    with connection.cursor() as cursor:
        cursor.execute(STEPS, [count])
        calendar.fold()
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")


def pages_read():
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_bitmapscan = off")
        cursor.execute(READ, [clock.now() - timedelta(days=1)])
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("RESET ALL")
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_who_reads_passes_nothing_that_was_folded(pool):
    before = pages_read()
    fold_many(10_000)

    assert calendar.clear_folded() is True

    assert pages_read() <= before + 10
    assert calendar.faults() == []


def test_control_what_is_not_cleared_away_is_passed_by_who_reads(pool):
    before = pages_read()
    fold_many(10_000)

    assert pages_read() > before + 100


def test_a_little_is_left_to_autovacuum(pool):
    fold_many(100)

    assert calendar.clear_folded() is False


def test_inside_of_a_transaction_it_is_left_for_another_time(pool):
    fold_many(10_000)

    with transaction.atomic():
        assert calendar.clear_folded() is False
    assert calendar.clear_folded() is True
