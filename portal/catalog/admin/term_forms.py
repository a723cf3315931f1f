"""How staff write cancellation terms: one step a line, such as ``7 d: 0 %``."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.catalog.terms import CancellationTerms, Step, notice_words, written

LINE = re.compile(r"([0-9]{1,5}) ?([dh]) ?: ?([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%?")
UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1)}
MOST_LETTERS = 400
HELP = (
    "One step a line: days or hours of notice before the start, and the percentage of the price that is owed with at "
    "least that, such as 7 d: 0 %. With less notice than in any line all is owed. Empty: free at any time."
)


def terms_text(terms: CancellationTerms) -> str:
    """Return terms as the field reads them."""
    return "\n".join(f"{notice_words(step.notice)}: {written(step.percent)} %" for step in terms.steps)


class TermsField(forms.CharField):
    """Cancellation terms; empty for none."""

    def __init__(self) -> None:
        """Say how to write them."""
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})
        super().__init__(
            required=False, max_length=MOST_LETTERS, widget=widget, label="Cancellation terms", help_text=HELP
        )

    def clean(self, value: Any) -> CancellationTerms:
        """Read the lines; those that are empty do not count."""
        lines = [" ".join(line.split()) for line in super().clean(value).splitlines()]
        return CancellationTerms(tuple(_step(line) for line in lines if line))


def _step(line: str) -> Step:
    found = LINE.fullmatch(line)
    if found is None:
        raise ValidationError(f"{line}: write it such as 7 d: 0 % or 24 h: 25 %.", "unreadable")
    count, unit, percent = found.groups()
    try:
        return Step(int(count) * UNITS[unit], Decimal(percent))
    except ValueError as error:
        raise ValidationError(f"{line}: {error}", "out_of_range") from None
