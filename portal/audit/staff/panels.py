"""Panels: tables of related rows below the facts of an object.

An app knows only what lies below it, so a panel is hung onto a model by the app that its rows belong to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db import models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.text import slugify

from portal.audit.staff.columns import Column, heading_of

MOST = 25
"""How many rows a panel shows; the rest is one click away."""


@dataclass(frozen=True)
class Panel:
    """Related rows: of which model, which ones for the object, what is shown of each, and where to see them all.

    ``all_of`` names the filter of the model's own list by the object's key; empty where there is no such list.
    """

    title: str
    model: type[models.Model]
    rows: Callable[[Any], models.QuerySet[Any]]
    columns: tuple[Column, ...]
    all_of: str = ""


@dataclass(frozen=True)
class Table:
    """A panel for one object, ready to be shown."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    count: int
    more: str

    @property
    def key(self) -> str:
        """A name for the element that holds the table."""
        return f"panel-{slugify(self.title)}"


_PANELS: dict[type[models.Model], list[Panel]] = {}
_FIRST_PAGE: list[Panel] = []


def show_on(model: type[models.Model], *panels: Panel) -> None:
    """Hang panels onto the page of a model's objects, below those that are there."""
    _PANELS.setdefault(model, []).extend(panels)


def panels_of(model: type[models.Model]) -> Sequence[Panel]:
    """Return a model's panels in the order in which they are shown."""
    return tuple(_PANELS.get(model, ()))


def tables_for(request: HttpRequest, row: models.Model) -> list[Table]:
    """Return the panels of an object that the person may look at."""
    return [_table(panel, row) for panel in panels_of(type(row)) if may_view(request, panel.model)]


def show_on_first_page(*panels: Panel) -> None:
    """Hang panels onto the first page; ``rows`` is called with None, and may return groups of rows."""
    _FIRST_PAGE.extend(panels)


def tables_of_first_page(request: HttpRequest) -> list[Table]:
    """Return the panels of the first page that the person may look at."""
    return [_table(panel, None) for panel in _FIRST_PAGE if may_view(request, panel.model)]


def may_view(request: HttpRequest, model: type[models.Model]) -> bool:
    """Tell whether the person may look at rows of a model."""
    meta = model._meta
    return bool(request.user.has_perm(f"{meta.app_label}.{get_permission_codename('view', meta)}"))


def _table(panel: Panel, row: models.Model | None) -> Table:
    rows = panel.rows(row)
    shown = list(rows[: MOST + 1])
    count = len(shown) if len(shown) <= MOST else rows.order_by().count()
    return Table(
        title=panel.title,
        headers=[heading_of(column) for column in panel.columns],
        rows=[[column(item) for column in panel.columns] for item in shown[:MOST]],
        count=count,
        more=_list_of(panel, row) if row is not None and count > MOST else "",
    )


def _list_of(panel: Panel, row: models.Model) -> str:
    if not panel.all_of:
        return ""
    meta = panel.model._meta
    try:
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{panel.all_of}={row.pk}"
