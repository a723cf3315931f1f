"""One database that is migrated once for all processes of a run; each works on a copy of it."""

import os

from django.db import connection

from portal.launcher.pytest_plugin import CLUSTER_OF_THIS_RUN

MIGRATED = "metalyard_migrated"
LOCK = 4_711
"""Number of the advisory lock of whoever makes the database."""


def is_ours():
    """Tell whether the server was started for this run and ends with it, with all that is left there."""
    return CLUSTER_OF_THIS_RUN in os.environ


def copy_for_this_process():
    """Let Django's test database be a copy; the first process that comes makes what is copied, and others wait."""
    test = connection.settings_dict["TEST"]
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [MIGRATED])
        if cursor.fetchone() is None:
            _make(test)
            # By its name it is whole: a migration that fails leaves none of that name.
            cursor.execute(f"ALTER DATABASE {MIGRATED}_partly RENAME TO {MIGRATED}")
    test.update(TEMPLATE=MIGRATED, MIGRATE=False)


def _make(test):
    own, name = test["NAME"], connection.settings_dict["NAME"]
    test["NAME"] = f"{MIGRATED}_partly"
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        test["NAME"], connection.settings_dict["NAME"] = own, name
