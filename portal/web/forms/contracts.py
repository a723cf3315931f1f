"""Signing a contract."""

from django import forms


class SignForm(forms.Form):
    """Who signs, and that the document on the page is agreed to."""

    name = forms.CharField(label="Your full name", max_length=120)
    title = forms.CharField(label="Your title in the company", max_length=120)
    agreed = forms.BooleanField(
        label="I have read the document, agree to it, and may bind the company.",
        required=False,
    )
    sha256 = forms.CharField(widget=forms.HiddenInput, required=False)
