"""Adding a webhook."""

from django import forms

from portal.webhooks.addresses import URL_LENGTH
from portal.webhooks.event_types import EVENT_TYPES


def words_of(event_type: str) -> str:
    """Return a type with its explanation, as one line for people."""
    return f"{event_type}: {EVENT_TYPES[event_type].replace('`', '')}"


class WebhookForm(forms.Form):
    """An address, and what is posted to it."""

    url = forms.CharField(
        label="Address",
        max_length=URL_LENGTH,
        help_text="Begins with https:// and leads to a public address.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://example.com/hooks/metalyard"}),
    )
    event_types = forms.MultipleChoiceField(
        label="Events",
        choices=[(name, words_of(name)) for name in EVENT_TYPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one or more."},
    )
