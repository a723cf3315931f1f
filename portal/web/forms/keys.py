"""Adding an SSH key."""

from django import forms

from portal.tenancy.models import NAME_LENGTH
from portal.tenancy.ssh_keys import MAX_LENGTH


class KeyForm(forms.Form):
    """A public key and, if wanted, another name than its comment."""

    public_key = forms.CharField(
        label="Public key",
        max_length=MAX_LENGTH,
        help_text="One line, such as the content of ~/.ssh/id_ed25519.pub. Never the private key.",
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off", "placeholder": "ssh-ed25519 AAAA… you@host"}
        ),
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=NAME_LENGTH,
        help_text="Empty: the comment at the key's end.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
