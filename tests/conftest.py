"""Fixtures of the whole suite."""

import contextlib
import os
import sys

import pytest
from django.db import InterfaceError, OperationalError, connection
from hypothesis import HealthCheck, settings

from tests import emptying, migrated, skips, statics

BILLING = (
    "account",
    "creditgrant",
    "creditnote",
    "entry",
    "invoice",
    "invoiceline",
    "leg",
    "payment",
    "reminder",
    "usagerecord",
)
"""Tables about money that nothing is ever removed from."""

LEDGER = """
SELECT a.currency, sum(l.amount) FROM billing_leg l JOIN billing_account a ON a.id = l.account_id
GROUP BY a.currency HAVING sum(l.amount) <> 0
"""
DATABASE = {"db", "transactional_db"}
# A slow machine must not fail a test: how long an example takes is never the question.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")

statics.look_once()

ASKING = {"db", "transactional_db", "live_server"}
"""Fixtures of pytest-django that give a test the database."""


def pytest_configure():
    """Let every interpreter of the suite keep what it compiles, also where the environment asks it not to.

    There are some hundred: xdist's workers, servers, Celery, Ansible. Each would compile the portal, its libraries and
    the tests' assertions anew, which is a third of all the work that the suite is.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    skips.refuse_skip(report, strict=skips.on_ci())
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    skips.refuse_skip(report, strict=skips.on_ci())
    return report


def pytest_itemcollected(item):
    """Mark what asks the database: the rest would say the same twice in the lane on another server."""
    if item.get_closest_marker("django_db") or ASKING.intersection(item.fixturenames):
        item.add_marker("database")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Keep each ``xdist_group`` on one process.

    xdist writes the group into a name that pytest no longer reads; unread, crowds that must not meet would meet.
    """
    for item in items:
        written = getattr(item, "_nodeid", item.nodeid)
        if written != item.nodeid:
            item._id = type(item.id).parse(written)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, django_db_blocker):
    """Migrate once for all processes: it is a quarter of a minute of one core."""
    if migrated.is_ours() and "PYTEST_XDIST_WORKER" in os.environ:
        with django_db_blocker.unblock():
            migrated.copy_for_this_process()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let the suite empty the append-only tables between tests; what refuses that has tests of its own."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_no_truncate")
        for table in ("fleet_erasurecertificate", "fleet_certificatekey", *(f"billing_{name}" for name in BILLING)):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")
    if migrated.is_ours():
        emptying.empty_quickly()
    yield
    emptying.end_sessions()


def ledger_is_off():
    """Return by currency what the ledger is off by; nothing where the test left no connection that could be asked."""
    if connection.connection is None or connection.needs_rollback or connection.closed_in_transaction:
        return {}
    # A test may have ended the session itself, on the other side.
    with contextlib.suppress(OperationalError, InterfaceError), connection.cursor() as cursor:
        cursor.execute(LEDGER)
        return dict(cursor.fetchall())
    return {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Look, after every test that may use the database, whether the ledger sums to 0: one quick question."""
    outcome = yield
    if item.get_closest_marker("django_db") or not DATABASE.isdisjoint(getattr(item, "fixturenames", ())):
        assert ledger_is_off() == {}, "the ledger does not sum to 0"
    return outcome
