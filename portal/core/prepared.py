"""Questions whose SQL is worked out once, for what every request asks.

The ORM takes several times as long to work out a query as PostgreSQL takes to answer it with a row. A query is written
with the ORM as everywhere else, with ``Given`` in place of what differs from call to call; what comes back are the same
rows. This reads the compiler of Django 5.2 (``django/db/models/query.py``, ModelIterable).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction
from django.db.models.query import get_related_populators

from portal.core.cursors import repeated_cursor

Row = TypeVar("Row", bound=models.Model)


class Given(models.Expression):
    """A value that is given by name when the query is run, in the form in which the driver takes it."""

    def __init__(self, name: str, of_type: str = "") -> None:
        """Say how it is called, and of which type it is where PostgreSQL must know: an index of GiST wants its own."""
        super().__init__()
        self.name, self.place = name, f"%s::{of_type}" if of_type else "%s"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Stand for the value: ``Prepared`` puts it in."""
        return self.place, [self]


def is_among(column: str, given: Given) -> models.Func:
    """Return the condition that a column is one of an array's values, however many."""
    parts: dict[str, Any] = {"template": "%(expressions)s)", "arg_joiner": " = ANY ("}
    return models.Func(models.F(column), given, output_field=models.BooleanField(), **parts)


@dataclass(frozen=True)
class _Statement:
    sql: str
    values: tuple[Any, ...]
    compiler: Any
    converters: Any


class Prepared(Generic[Row]):
    """A query, and the SQL that was worked out for it when it was first run."""

    def __init__(self, build: Callable[[], "models.QuerySet[Row, Any]"]) -> None:
        """Take down how the query is written."""
        self._build = build

    @cached_property
    def _query(self) -> models.sql.Query:
        return self._build().query

    @cached_property
    def _statement(self) -> _Statement:
        compiler = self._query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        return _Statement(sql, tuple(values), compiler, compiler.get_converters([part[0] for part in compiler.select]))

    def tuples(self, **given: Any) -> Iterator[Any]:
        """Run the query and yield its columns."""
        if self._query.select_for_update and not connection.in_atomic_block:
            raise transaction.TransactionManagementError("Rows are locked inside of a transaction.")
        statement = self._statement
        values = [given[value.name] if isinstance(value, Given) else value for value in statement.values]
        with repeated_cursor() as cursor:
            cursor.execute(statement.sql, values)
            rows = cursor.fetchall()
        return statement.compiler.apply_converters(rows, statement.converters) if statement.converters else iter(rows)

    def rows(self, **given: Any) -> list[Row]:
        """Run the query and return its rows."""
        return [self._row(columns) for columns in self.tuples(**given)]

    def first(self, **given: Any) -> Row | None:
        """Run the query and return its first row; None where there is none."""
        return next(iter(self.rows(**given)), None)

    @cached_property
    def _shape(self) -> tuple[type[Row], slice, list[str], Any, dict[str, int]]:
        compiler = self._statement.compiler
        fields = compiler.klass_info["select_fields"]
        own = slice(fields[0], fields[-1] + 1)
        names = [part[0].target.attname for part in compiler.select[own]]
        populators = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        return compiler.klass_info["model"], own, names, populators, compiler.annotation_col_map

    def _row(self, columns: Any) -> Row:
        model, own, names, populators, annotations = self._shape
        row = model.from_db(DEFAULT_DB_ALIAS, names, columns[own])
        for populator in populators:
            populator.populate(columns, row)
        for name, place in annotations.items():
            setattr(row, name, columns[place])
        return row
