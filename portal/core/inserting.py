"""Writing new rows with SQL that is worked out once for a model, for what nearly every request writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from psycopg.types.range import Range

from portal.core.cursors import repeated_cursor
from portal.core.insert_shapes import each, many, shape_of

PLAIN = (str, int, datetime, Range)
"""Of these types equal values are written alike; of others not always: ``[1] == [True]``."""


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model by one statement and give them their primary keys, as ``bulk_create`` does.

    A model's ``save`` is not called. Raises IntegrityError.
    """
    if len(rows) < 2:
        insert_each(*rows)
        return
    shape = shape_of(type(rows[0]))
    columns = [[field.pre_save(row, add=True) for row in rows] for field in shape.fields]
    # Rows come from what differs, so something has to.
    shared = (False, *(_is_shared(column) for column in columns[1:]))
    session = connections[DEFAULT_DB_ALIAS]
    values = [
        field.get_db_prep_save(column[0], session)
        if is_shared
        else [field.get_db_prep_save(value, session) for value in column]
        for field, column, is_shared in zip(shape.fields, columns, shared, strict=True)
    ]
    with repeated_cursor() as cursor:
        cursor.execute(many(shape, shared), values)
        made = cursor.fetchall()
    for row, (pk,) in zip(rows, made, strict=True):
        _was_inserted(row, pk)


def insert_each(*rows: models.Model) -> None:
    """Insert new rows, one of each model, by one statement and give them their primary keys. Raises IntegrityError."""
    if not rows:
        return
    shapes = [shape_of(type(row)) for row in rows]
    session = connections[DEFAULT_DB_ALIAS]
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), session)
        for shape, row in zip(shapes, rows, strict=True)
        for field in shape.fields
    ]
    with repeated_cursor() as cursor:
        cursor.execute(each(*shapes), values)
        (made,) = cursor.fetchall()
    for row, pk in zip(rows, made, strict=True):
        _was_inserted(row, pk)


def _was_inserted(row: models.Model, pk: Any) -> None:
    row.pk = pk
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS


def _is_shared(column: Sequence[Any]) -> bool:
    """Tell whether all rows have one value, which is sent once then."""
    first = column[0]
    kind = type(first)
    return all(
        value is first or (type(value) is kind and value == first and (kind in PLAIN or not value)) for value in column
    )
