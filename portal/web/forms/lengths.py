"""Lengths of time as people choose them: ``14d``, ``36h``, ``90min`` in addresses, words on pages."""

import re
from datetime import timedelta
from typing import Any

from django import forms

from portal.web.templatetags.web import counted

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
WORDS = {"d": "day", "h": "hour", "min": "minute"}
FORM = re.compile(r"(\d{1,6})(d|h|min)")
OFFERED = ("1h", "4h", "12h", "1d", "3d", "7d", "14d", "30d", "90d", "180d", "365d")


def length_code(length: timedelta) -> str:
    """Write a length in the largest unit that it is whole in; what is less than a minute is left out."""
    unit = next((unit for unit, one in UNITS.items() if length % one == timedelta(0)), "min")
    return f"{length // UNITS[unit]}{unit}"


def length_words(code: str) -> str:
    """Return the words for a code: ``14 days``; anything else as it is."""
    found = FORM.fullmatch(code)
    return counted(int(found[1]), WORDS[found[2]]) if found else code


class LengthField(forms.CharField):
    """A length, chosen from the usual ones; an address may carry any other, which is then offered too."""

    widget = forms.Select

    def to_python(self, value: Any) -> Any:
        """Return the timedelta; None for nothing."""
        text = super().to_python(value)
        if not text:
            return None
        found = FORM.fullmatch(text)
        if not found or not int(found[1]):
            raise forms.ValidationError("Write the length like 14d, 36h or 90min.", code="invalid")
        return int(found[1]) * UNITS[found[2]]

    def offer(self, chosen: str) -> None:
        """Offer the usual lengths, and the chosen one."""
        codes = OFFERED if chosen in OFFERED or not FORM.fullmatch(chosen) else (chosen, *OFFERED)
        self.widget.choices = [(code, length_words(code)) for code in codes]
