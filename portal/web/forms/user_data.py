"""The field for what a server runs at its first boot."""

from typing import Any

from django import forms

from portal.operations.models import USER_DATA_LIMIT_BYTES


class UserDataField(forms.CharField):
    """A cloud-init document or script as it was typed."""

    def __init__(self, **kwargs: Any) -> None:
        """Keep spaces, and let scripts count the bytes."""
        attrs = {"rows": 5, "spellcheck": "false", "data-max-bytes": USER_DATA_LIMIT_BYTES}
        fields = {
            "label": "User-data",
            "required": False,
            "strip": False,
            "help_text": "A cloud-init document or script, at most 16 KiB.",
            "widget": forms.Textarea(attrs=attrs),
        }
        super().__init__(**{**fields, **kwargs})

    def clean(self, value: Any) -> str:
        """Undo the line ends that browsers send (CR LF): a script would not start with them."""
        return str(super().clean(value)).replace("\r\n", "\n")
