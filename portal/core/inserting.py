"""Writing new rows with SQL that is worked out once for a model, for what nearly every request writes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
    shape = _shape(type(rows[0]))
    columns = [
        [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows] for field in shape.fields
    ]
    with repeated_cursor() as cursor:
        if len(rows) == 1:
            cursor.execute(shape.one, [column[0] for column in columns])
        else:
            cursor.execute(shape.many, columns)
        made = cursor.fetchall()
    for row, (pk,) in zip(rows, made, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


@dataclass(frozen=True)
class _Shape:
    """How a model is written: one row; any number of rows by one statement, so that it is worked out but once."""

    fields: "Sequence[models.Field[Any, Any]]"
    one: str
    many: str


@cache
def _shape(model: type[models.Model]) -> _Shape:
    fields = [
        field
        for field in model._meta.local_concrete_fields
        if not field.generated and not (field.primary_key and isinstance(field, models.AutoField))
    ]
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})"
    tail = f"RETURNING {quote(str(model._meta.pk.column))}"
    places = ", ".join(["%s"] * len(fields))
    arrays = ", ".join(f"%s::{_type_of(field)}[]" for field in fields)
    many = f"{into} SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608 - put together of a model's names
    return _Shape(fields, f"{into} VALUES ({places}) {tail}", many)


def _type_of(field: "models.Field[Any, Any]") -> str:
    """Return a column's type without its length: a cast to that would cut off what is to be refused."""
    return re.sub(r"\(.*\)", "", str(field.db_type(connection)))
