"""Template tags and filters of the customer pages: they only show, they never ask the database."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BaseForm
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.catalog.terms import CancellationTerms, describe
from portal.core import clock
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.wording import tone_of, words_of
from portal.web.wording import SYMBOLS, money_text

register = template.Library()

INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MESSAGE_TONES = {"success": "ok", "warning": "warn", "error": "bad"}


@register.inclusion_tag("web/components/icon.html")
def icon(name: str) -> dict[str, str]:
    """Draw one icon of the sprite; it is decoration, so a word must stand beside it."""
    return {"name": name}


@register.filter
def tone(state: str) -> str:
    """Return the CSS class for a state."""
    return tone_of(state)


@register.filter
def words(state: str) -> str:
    """Return the words for a state."""
    return words_of(state)


@register.filter
def error_count(form: BaseForm) -> int:
    """Return how many things are wrong in a form."""
    return sum(len(errors) for errors in form.errors.values())


@register.filter
def message_tone(level: str) -> str:
    """Return the CSS class for a message's level."""
    return MESSAGE_TONES.get(level, "")


@register.filter
def money(value: Money) -> str:
    """Write an amount for people."""
    return money_text(value)


@register.filter
def rate(value: Decimal, currency: str) -> str:
    """Write a price per unit with two to six places, as many as it needs."""
    text = f"{value.normalize():f}"
    whole, _, places = text.partition(".")
    return f"{SYMBOLS.get(currency, currency + ' ')}{whole}.{places.ljust(2, '0')}"


@register.filter
def hours(value: Decimal) -> str:
    """Write a number of hours with at most two places."""
    text = f"{value:.2f}"
    return text.removesuffix(".00")


def when(value: datetime) -> str:
    """Write an instant with its zone; the year only where it is not this one's."""
    at = value.astimezone(UTC)
    year = "" if at.year == clock.now().year else f" {at.year}"
    return f"{at.day} {at:%b}{year} {at:%H:%M} UTC"


@register.filter
def readable(sentence: str) -> str:
    """Return a sentence of a service with its instants written as everywhere else on the pages."""
    return INSTANT.sub(lambda found: when(datetime.fromisoformat(found[0])), str(sentence))


@register.simple_tag
def moment(value: datetime | None) -> SafeString | str:
    """Write an instant for people and for programs."""
    if value is None:
        return "-"
    return format_html('<time datetime="{}">{}</time>', clock.as_rfc3339(value), when(value))


@register.inclusion_tag("web/components/countdown.html")
def countdown(until: datetime) -> dict[str, Any]:
    """Write how long it is to an instant; scripts count on from the server's time."""
    now = clock.now()
    return {"until": until, "now": now, "text": lasting(until - now)}


@register.simple_tag
def terms(kept: CancellationTerms, period: Period) -> str:
    """Write the terms of calling off what lies in a period, as they are from now on."""
    return describe(kept, period.start, clock.now())


@register.filter
def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 server``, ``2 servers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@register.filter
def lasting(value: timedelta) -> str:
    """Write a span of time in its two largest units: ``2 d 4 h``."""
    minutes = max(0, int(value.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    parts = [(days, "d"), (rest // 60, "h"), (rest % 60, "min")]
    shown = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(shown) or "under a minute"
