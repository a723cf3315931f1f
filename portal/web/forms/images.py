"""Importing an image of one's own. What the service demands, it says on the fields."""

from django import forms

from portal.catalog.services.images import NAME_LENGTH, URL_LENGTH


class ImportForm(forms.Form):
    """Name, address, digest, user."""

    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        help_text="What it is called where you choose an image.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = forms.CharField(
        label="Address",
        max_length=URL_LENGTH,
        help_text="https address of the file, also a signed one: a whole disk with a GPT, raw or compressed by zstd.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://images.example.com/base.raw.zst"}),
    )
    sha256 = forms.CharField(
        label="SHA-256",
        max_length=200,
        help_text="64 hexadecimal digits; sha256sum FILE prints them.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    default_user = forms.CharField(
        label="User",
        max_length=200,
        help_text="Whom the image's cloud-init makes and your SSH keys are for, such as ubuntu.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
