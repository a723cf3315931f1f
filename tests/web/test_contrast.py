"""The colours of tokens.css against one another, in both themes (WCAG 2.2, success criteria 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR) / "portal" / "web" / "static" / "web" / "css" / "tokens.css"
PAIR = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TEXT, PART = 4.5, 3.0
THEMES = ("light", "dark")

SURFACES = ("page", "surface", "surface-2")
TEXTS = {
    "text": (*SURFACES, "surface-3", "accent-soft"),
    "text-2": SURFACES,
    "text-3": SURFACES,
    "accent-text": (*SURFACES, "accent-soft"),
    "accent-hover": SURFACES,
    "ok-text": (*SURFACES, "ok-soft"),
    "warn-text": (*SURFACES, "warn-soft"),
    "bad-text": (*SURFACES, "bad-soft"),
    "on-accent": ("accent", "accent-hover"),
}
"""Which text stands on what."""
PARTS = {
    "line-strong": ("page", "surface"),
    "accent": ("page", "surface", "surface-2"),
    "ok": ("surface", "surface-2"),
    "warn": ("surface", "surface-2"),
    "bad": ("surface", "surface-2", "bad-soft"),
}
"""Which lines and bars have to be seen on what: borders of controls, the focus ring, progress."""
DECORATION = {"line"}
"""Lines that only divide: nothing is lost without them."""


def tokens(theme):
    return {name: pair[THEMES.index(theme)] for name, *pair in PAIR.findall(TOKENS.read_text())}


def luminance(colour):
    """Return the relative luminance (WCAG 2.2, definition)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_the_measure_is_that_of_wcag(one, other, ratio):
    assert round(contrast(one, other), 2) == ratio


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, TEXT), (PARTS, PART)], ids=["text", "parts"])
def test_what_stands_on_something_can_be_seen(theme, pairs, least):
    known = tokens(theme)

    weak = {
        f"{front} on {back}": round(contrast(known[front], known[back]), 2)
        for front, backs in pairs.items()
        for back in backs
        if contrast(known[front], known[back]) < least
    }

    assert weak == {}


def test_no_colour_is_forgotten():
    told = (
        set(TEXTS) | set(PARTS) | DECORATION | {back for backs in (*TEXTS.values(), *PARTS.values()) for back in backs}
    )

    assert set(tokens("light")) == told
