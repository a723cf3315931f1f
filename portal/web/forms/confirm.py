"""Confirming what cannot be undone by typing the name of the thing."""

from django import forms


class TypedNameForm(forms.Form):
    """One field that must hold the name."""

    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(self, *args: object, wanted: str, **kwargs: object) -> None:
        """Demand ``wanted``."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.wanted = wanted
        self.fields["name"].label = f"Type {wanted} to confirm"
        self.fields["name"].widget.attrs["data-match"] = wanted

    def clean_name(self) -> str:
        """Refuse anything else."""
        if self.cleaned_data["name"] != self.wanted:
            raise forms.ValidationError(f"This is not {self.wanted}; nothing was done.", code="no_match")
        return self.wanted
