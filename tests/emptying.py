"""A database that is empty again after a test that commits, without a new file for each of hundreds of indexes.

Django truncates all tables and then makes its content types and permissions anew, which takes half a second. Here those
few rows that there are go, by the superuser of the run's own server, whose session asks no trigger: what refuses to be
deleted has tests of its own.
"""

import psycopg
from django.db import connection
from django.test import TransactionTestCase

from portal.launcher.postgres import SUPERUSER
from tests.serving import database_url

STAY = ("django_migrations", "django_content_type", "auth_permission")
"""What a migrated database is born with."""
MANY_BYTES = 1 << 20
"""Where a table has grown beyond this, what was deleted would be waded through by every test that follows."""
_sessions = []


def empty_quickly():
    """Let tests that commit end so from now on."""
    whole = TransactionTestCase._fixture_teardown

    def end(case):
        if not _delete_all():
            whole(case)

    TransactionTestCase._fixture_teardown = end


def end_sessions():
    """Close what would keep the database from being dropped."""
    while _sessions:
        _sessions.pop().close()


def _delete_all():
    """Delete every row; return False without having done it where there are too many."""
    session = _session()
    tables = [name for name in connection.introspection.django_table_names(include_views=False) if name not in STAY]
    filled = " UNION ALL ".join(
        f"SELECT '{name}', pg_relation_size('{name}') WHERE EXISTS (SELECT FROM \"{name}\")"  # noqa: S608 - ours
        for name in sorted(tables)
    )
    found = session.execute(filled).fetchall()
    if any(size > MANY_BYTES for _, size in found):
        return False
    with session.transaction():
        for name, _ in found:
            session.execute(f'DELETE FROM "{name}"')  # noqa: S608 - ours
    return True


def _session():
    if _sessions and _sessions[0].closed:
        _sessions.clear()
    if not _sessions:
        session = psycopg.connect(database_url(), user=SUPERUSER, autocommit=True)
        session.execute("SET session_replication_role = replica")
        _sessions.append(session)
    return _sessions[0]
