"""Lists in pages: the cursor says after which row the next page begins, so that new rows shift nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import Q
from rest_framework.response import Response

from portal.core import secrets
from portal.core.errors import InvalidInput

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursor of those after them; None at the end."""

    rows: list[Row]
    next_cursor: str | None


def page_of(rows: models.QuerySet[Row], *, limit: int, cursor: str = "") -> Page[Row]:
    """Return at most ``limit`` rows from behind ``cursor`` on, in the QuerySet's order, which must be a total one.

    Raises InvalidInput on ``cursor`` for one that is not of this list.
    """
    order = [str(name) for name in rows.query.order_by]
    kind = f"{rows.model._meta.label_lower} {' '.join(order)}"
    behind = rows.filter(_behind(order, _read(cursor, kind))) if cursor else rows
    found = list(behind[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], _write(kind, [_value(last, name.lstrip("-")) for name in order]))


def page_reply(
    rows: models.QuerySet[Row], query: Mapping[str, Any], documents: Callable[[list[Row]], Sequence[Any]]
) -> Response:
    """Answer with the page that ``query`` asks for. Raises InvalidInput on ``cursor``."""
    page = page_of(rows, limit=query["limit"], cursor=query["cursor"])
    return Response({"data": documents(page.rows), "next_cursor": page.next_cursor})


def _behind(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the condition that a row comes after the one with ``values`` (a lexicographic comparison)."""
    condition = Q()
    equal: dict[str, Any] = {}
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        condition |= Q(**equal, **{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal[field] = value
    return condition


def _value(row: models.Model, path: str) -> Any:
    value: Any = row
    for name in path.split("__"):
        value = getattr(value, name)
    return value


def _write(kind: str, values: Sequence[Any]) -> str:
    # Encrypted, not just encoded: row numbers would tell how much other tenants do.
    return secrets.encrypt(json.dumps([kind, *values]))


def _read(cursor: str, kind: str) -> list[Any]:
    try:
        found, *values = json.loads(secrets.decrypt(cursor))
    except (ValueError, TypeError):
        found, values = "", []
    if found != kind:
        raise InvalidInput.of(
            "cursor", "bad_cursor", "This is no cursor of this list. Leave it out to begin with the first page."
        )
    return list(values)
