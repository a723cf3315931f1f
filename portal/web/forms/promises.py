"""When maintenance is to be instead. The service judges it; this only reads it."""

from django import forms

from portal.web.forms.plan import MOMENT


class DeferForm(forms.Form):
    """Another start."""

    starts_at = forms.DateTimeField(
        label="New start (UTC)",
        error_messages=MOMENT,
        widget=forms.DateTimeInput(attrs={"autocomplete": "off", "spellcheck": "false"}, format="%Y-%m-%d %H:%M"),
    )
