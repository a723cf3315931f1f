"""Threads that meet at the database, each with a connection of its own, in an order that a test decides."""

import threading
import time

from django.db import connection, connections

PATIENCE_S = 120
"""Longer than any stall of a busy machine, shorter than the time limit of a test: only what hangs takes it."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Runner(threading.Thread):
    """One thread: ``outcome`` is what its act returned, or the exception that it raised."""

    def __init__(self, act, *args):
        super().__init__(daemon=True)
        self._act, self._args = act, args
        self.outcome = None
        self.start()

    def run(self):
        try:
            self.outcome = self._act(*self._args)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.outcome = error
        finally:
            connections.close_all()

    def result(self):
        self.join(PATIENCE_S)
        assert not self.is_alive(), "a thread hangs"
        return self.outcome


def race(count, act):
    """Let ``count`` threads begin ``act(number)`` together; return their outcomes."""
    line = threading.Barrier(count)

    def start(number):
        connection.ensure_connection()
        line.wait(PATIENCE_S)
        return act(number)

    return [runner.result() for runner in [Runner(start, number) for number in range(count)]]


def await_blocked(count, unless=lambda: False):
    """Wait until ``count`` connections of the test database wait for a lock, or there is no need to."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Inside a transaction the first look would be kept until its end.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0] >= count or unless():
                return
        time.sleep(0.01)
    raise AssertionError(f"{count} connections should wait for a lock by now")


def kinds(outcomes):
    """Return how many outcomes there were of each class."""
    found = [type(outcome) for outcome in outcomes]
    return {kind: found.count(kind) for kind in found}
