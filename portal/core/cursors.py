"""Cursors for statements that are run again and again with other values."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor


def repeated_cursor() -> Any:
    """Return a cursor that sends values beside the statement, and PostgreSQL keeps the plan of one that comes again.

    Django's own cursors write the values into the statement (ticket 20516), which PostgreSQL then plans anew each time.
    Whether plans are kept is the connection's ``prepare_threshold``.
    """
    # The session itself: what Django puts in its place is looked up anew at each use.
    session: Any = connections[DEFAULT_DB_ALIAS]
    session.ensure_connection()
    cursor: Any = ServerBindingCursor
    return session._prepare_cursor(cursor(session.connection))
