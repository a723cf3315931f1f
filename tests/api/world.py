"""Everything that a request could change, to see that it did not."""

from contextlib import contextmanager
from functools import cache

from django.apps import apps
from django.db import connection

PASSING = ("last_used_at", "last_used_from", "last_login")
"""What is noted of a caller whether or not it is refused."""
LOGS = {"reservations.Enquiry"}
"""What keeps every wish, above all those that were refused."""


def world():
    """Return a digest of all rows of each of the portal's tables: hundreds of tests ask, most of them twice."""
    with connection.cursor() as cursor:
        cursor.execute(_digests())
        return dict(cursor.fetchall())


@cache
def _digests():
    passing = ", ".join(f"'{name}'" for name in PASSING)
    return " UNION ALL ".join(
        f"SELECT '{model._meta.label}', (SELECT md5(string_agg(row_text, ' ' ORDER BY row_text)) FROM"  # noqa: S608 - ours
        f' (SELECT (to_jsonb(r) - ARRAY[{passing}])::text AS row_text FROM "{model._meta.db_table}" r) AS texts)'
        for model in apps.get_models()
        if model.__module__.startswith("portal.") and model._meta.label not in LOGS
    )


@contextmanager
def nothing_changes():
    """Fail unless all tables are afterwards as they were before."""
    before = world()
    yield
    after = world()
    assert {label for label in before if before[label] != after[label]} == set()
