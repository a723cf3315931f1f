"""How single facts of a row look: the same in lists, on an object's page and in the panels below it.

A column is a function from a row to what is shown; Django's admin takes such functions wherever it takes field names.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from portal.core import clock
from portal.core.wording import tone_of

Column = Callable[[Any], Any]
NOTHING = "-"
NAMES_A_ROW = re.compile(r"^(?:[a-z]{2,5}_[0-9a-z]{26}|[a-z]+\.[a-z]+:[0-9]+)\Z")
"""A public id, or model and key: what ``portal.audit.services.target_of`` writes."""


def column(title: str, show: Column, order: str | None = None) -> Column:
    """Return a column with that heading, sorted by the field ``order`` if given."""

    def shown(row: Any) -> Any:
        value = show(row)
        return NOTHING if value is None or value == "" else value

    shown.__name__ = slugify(title).replace("-", "_")
    return admin.display(shown, description=title, ordering=order)


def heading_of(shown: Column) -> str:
    """Return a column's heading."""
    return str(getattr(shown, "short_description", ""))


def follow(row: Any, path: str) -> Any:
    """Return the value at the end of a double-underscore path; None where it breaks off."""
    try:
        return reduce(lambda value, name: None if value is None else getattr(value, name), path.split("__"), row)
    except ObjectDoesNotExist:
        return None


def field(path: str, title: str) -> Column:
    """Return a column of a plain value, such as a number or a word."""
    return column(title, lambda row: follow(row, path), path)


def page_of(row: models.Model) -> str:
    """Return the address of a row's own page, empty for a model that has none."""
    meta = row._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def linked(row: models.Model | None, words: Any = None) -> str | SafeString:
    """Return a row's name, or other words for it, leading to its page where it has one."""
    if row is None:
        return ""
    address, words = page_of(row), row if words is None else words
    return format_html('<a class="staff-link" href="{}">{}</a>', address, words) if address else str(words)


def link(path: str, title: str, order: str | None = None) -> Column:
    """Return a column that leads to the related row at the end of ``path``."""
    return column(title, lambda row: linked(follow(row, path)), order or path)


def me(title: str, path: str = "") -> Column:
    """Return the first column of a panel: the row's name, or the value at ``path``, leading to the row's page."""
    return column(title, lambda row: linked(row, follow(row, path) if path else None))


def target(path: str, title: str) -> Column:
    """Return a column that leads from a public id to whatever it names."""
    return column(title, lambda row: goto(str(follow(row, path) or "")), path)


def goto(public_id: str) -> str | SafeString:
    """Return the record's name of a row, leading to its page; text of another form is left as it is."""
    if not NAMES_A_ROW.match(public_id):
        return public_id
    return format_html(
        '<a class="staff-link staff-id" href="{}">{}</a>', reverse("admin:staff_goto", args=[public_id]), public_id
    )


def label(word: str, tone: str) -> SafeString:
    """Return a word on a coloured ground; ``tone`` is ok, busy, warn, bad or nothing."""
    return format_html('<span class="staff-label staff-{}">{}</span>', tone or "quiet", word)


def state_label(name: str) -> SafeString:
    """Return a state's own name in its colour."""
    return label(name.replace("_", " "), tone_of(name))


state = column("State", lambda row: state_label(row.state), "state")


def _state_with_meaning(row: Any) -> SafeString:
    meaning = row.STATES.states[row.state].meaning
    return format_html('{} <span class="staff-note">{}</span>', state_label(row.state), meaning)


state_with_meaning = column("State", _state_with_meaning)


def instant(moment: datetime | None) -> str | SafeString:
    """Return an instant for people, to the minute, with its zone; the second is in the tooltip."""
    if moment is None:
        return ""
    return format_html(
        '<time class="staff-time" datetime="{0}" title="{0}">{1}</time>',
        clock.as_rfc3339(moment),
        f"{moment:%Y-%m-%d %H:%M} UTC",
    )


def moment(path: str, title: str) -> Column:
    """Return a column of an instant."""
    return column(title, lambda row: instant(follow(row, path)), path)


def short(span: timedelta) -> str:
    """Return a length of time in its largest fitting unit, such as ``3 min``; below a second it is ``0 s``."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _deadline(row: Any) -> str | SafeString:
    at = row.state_deadline_at
    if at is None:
        return ""
    left = at - clock.now()
    late = left < timedelta(0)
    word = f"{short(-left)} overdue" if late else f"in {short(left)}"
    return format_html(
        '<time datetime="{0}" title="{0}" class="staff-time{1}">{2}</time>',
        clock.as_rfc3339(at),
        " staff-late" if late else "",
        word,
    )


deadline = column("Deadline", _deadline, "state_deadline_at")
life = (state_with_meaning, field("state_reason", "Reason"), moment("state_changed_at", "Since"), deadline)
"""The facts of everything that has states."""


def _range(value: Any) -> str | SafeString:
    if value is None:
        return ""
    end = instant(value.upper) if value.upper else "without end"
    return format_html('<span class="staff-range">{} <br>{}</span>', instant(value.lower), end)


def period(path: str, title: str) -> Column:
    """Return a column of a span of time; ``path`` names a range field."""
    return column(title, lambda row: _range(follow(row, path)), f"{path}__startswith")


def code(path: str, title: str) -> Column:
    """Return a column of an id, an address or a digest, in equal-width letters."""
    return column(title, lambda row: coded(follow(row, path)), path)


def coded(value: Any) -> str | SafeString:
    """Return a value in equal-width letters."""
    return "" if value in (None, "") else format_html('<span class="staff-id">{}</span>', value)


def size(path: str, title: str) -> Column:
    """Return a column of a number of bytes, in the largest binary unit that fits."""
    return column(title, lambda row: bytes_text(follow(row, path)), path)


def bytes_text(count: int | None) -> str:
    """Return a number of bytes for people, such as ``16.0 MiB``."""
    if count is None:
        return ""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{count} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def data(path: str, title: str) -> Column:
    """Return a column of JSON, written out."""
    return column(title, lambda row: _json(follow(row, path)))


def _json(value: Any) -> str | SafeString:
    if not value:
        return ""
    return format_html('<pre class="staff-json">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))


def yes_or_no(path: str, title: str) -> Column:
    """Return a column of a truth value, as a word."""
    return column(title, lambda row: "yes" if follow(row, path) else "no", path)
