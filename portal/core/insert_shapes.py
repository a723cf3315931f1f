"""The statements that write a model's rows, each worked out once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models


@dataclass(frozen=True, eq=False)
class Shape:
    """How a model is written, and the one statement for a single row."""

    fields: "Sequence[models.Field[Any, Any]]"
    one: str
    into: str
    returning: str


@cache
def shape_of(model: type[models.Model]) -> Shape:
    """Return how a model is written: every column but a key that the database gives, and what it works out itself."""
    fields = [
        field
        for field in model._meta.local_concrete_fields
        if not field.generated and not (field.primary_key and isinstance(field, models.AutoField))
    ]
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})"
    returning = f"RETURNING {quote(str(model._meta.pk.column))}"
    places = ", ".join(["%s"] * len(fields))
    return Shape(fields, f"{into} VALUES ({places}) {returning}", into, returning)


@cache
def many(shape: Shape, shared: tuple[bool, ...]) -> str:
    """Return the statement for any number of rows, which have one value in the columns that are ``shared``."""
    types = [_type_of(field) for field in shape.fields]
    taken = ", ".join(
        f"%s::{kind}" if is_shared else f"unnest(%s::{kind}[])" for kind, is_shared in zip(types, shared, strict=True)
    )
    return f"{shape.into} SELECT {taken} {shape.returning}"


@cache
def each(*shapes: Shape) -> str:
    """Return the statement for one row of each shape."""
    if len(shapes) == 1:
        return shapes[0].one
    parts = ", ".join(f"made_{number} (pk) AS ({shape.one})" for number, shape in enumerate(shapes))
    keys = ", ".join(f"(SELECT pk FROM made_{number})" for number in range(len(shapes)))  # noqa: S608 - its own numbers
    return f"WITH {parts} SELECT {keys}"


def _type_of(field: "models.Field[Any, Any]") -> str:
    """Return a column's type without its length: a cast to that would cut off what is to be refused."""
    return re.sub(r"\(.*\)", "", str(field.db_type(connections[DEFAULT_DB_ALIAS])))
