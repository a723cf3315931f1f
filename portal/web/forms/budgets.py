"""What is meant to be spent in a month."""

import re
from typing import Any

from django import forms

from portal.core.money import MINOR_UNITS
from portal.quotas.models import QuotaScope

PERCENTS = re.compile(r"[\s,;%]+")
WHOLE = re.compile(r"\d{1,4}", re.ASCII)


class BudgetForm(forms.Form):
    """Whose, how much, when to warn, and whether to stop."""

    applies_to = forms.ChoiceField(label="Budget of", choices=QuotaScope.choices, initial=QuotaScope.ORGANIZATION)
    amount = forms.DecimalField(
        label="Amount a month",
        max_digits=16,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    warn_at = forms.CharField(
        label="Warn at percent",
        required=False,
        max_length=60,
        initial="50, 80, 100",
        help_text="Up to five, such as 50, 80, 100. Owners, admins and billing get a mail at each, once a month.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    stops = forms.BooleanField(
        label="Refuse what goes beyond it",
        required=False,
        help_text="New reservations, extensions, more servers and holds. What is booked already stays.",
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        """Say in which currency."""
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = f"Amount a month in {currency}"
        places = "Whole ones." if MINOR_UNITS[currency] == 0 else f"With up to {MINOR_UNITS[currency]} places."
        self.fields["amount"].help_text = f"{places} For each calendar month (UTC), before credits and tax."

    def clean_warn_at(self) -> list[int]:
        """Return the percents. Raises ValidationError for what is no number."""
        parts = [part for part in PERCENTS.split(self.cleaned_data["warn_at"]) if part]
        if not all(WHOLE.fullmatch(part) for part in parts):
            raise forms.ValidationError("Write whole percents, such as 50, 80, 100.", code="invalid")
        return [int(part) for part in parts]
