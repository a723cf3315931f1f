"""The only place where rows are locked: always in pk order, always only the rows themselves.

Lock once per transaction, late, but before the check; freeing something needs no lock
(https://github.com/pretix/pretix/blob/master/doc/development/implementation/locking.rst).
"""

from hashlib import sha256
from typing import TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def lock_rows(rows: models.QuerySet[Row]) -> list[Row]:
    """Lock ``rows`` until the transaction ends and return them fresh, in pk order.

    Rows that refer to a locked row may still be inserted (FOR NO KEY UPDATE).
    """
    return list(locking(rows))


def locking(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Return the query that locks ``rows`` in pk order when it is run: for one that is prepared."""
    return rows.order_by("pk").select_for_update(of=("self",), no_key=True)


def lock_row(model: type[Row], pk: int) -> Row:
    """Lock one row and return it fresh. Raises the model's DoesNotExist."""
    return model._default_manager.select_for_update(of=("self",), no_key=True).get(pk=pk)


def wait_for_turn(name: str) -> None:
    """Wait until no other transaction has the turn of that name, and have it until this one ends."""
    number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
