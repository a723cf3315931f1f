"""Writing new rows with SQL that is worked out once for a model, for what nearly every request writes."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models

from portal.core.cursors import repeated_cursor


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model by one statement and give them their primary keys, as ``bulk_create`` does.

    A model's ``save`` is not called. Raises IntegrityError.
    """
    if not rows:
        return
    head, one, tail, fields = _shape(type(rows[0]))
    values: list[Any] = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields
    ]
    places = ", ".join([one] * len(rows))
    with repeated_cursor() as cursor:
        cursor.execute(f"{head} {places} {tail}", values)
        made = cursor.fetchall()
    for row, (pk,) in zip(rows, made, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


@cache
def _shape(model: type[models.Model]) -> "tuple[str, str, str, Sequence[models.Field[Any, Any]]]":
    """Return the statement's beginning, the places of one row and its end, and the fields that are written."""
    fields = [
        field
        for field in model._meta.local_concrete_fields
        if not field.generated and not (field.primary_key and isinstance(field, models.AutoField))
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    head = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES"
    return head, f"({', '.join(['%s'] * len(fields))})", f"RETURNING {quote(str(model._meta.pk.column))}", fields
