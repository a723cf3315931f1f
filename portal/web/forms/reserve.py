"""The reserve form: what is asked for beside type, number and time."""

from collections.abc import Callable
from typing import Any, Self, cast

from django import forms
from django.http import QueryDict

from portal.catalog.models import OSImage
from portal.catalog.selectors import images
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.reservations.request import check_name, check_user_data
from portal.tenancy.models import NAME_LENGTH, SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_keys_of
from portal.tenancy.ssh_keys import MAX_LENGTH, parse_public_key
from portal.web.forms.user_data import UserDataField

CHECKS: dict[str, Callable[[str], object]] = {
    "name": check_name,
    "user_data": check_user_data,
    "new_key": parse_public_key,
}
"""What the services ask of a field by itself."""


class ReserveForm(forms.Form):
    """Name, image, keys, user-data. What the services demand is asked of their own checks, so that one reply names
    everything that is wrong.
    """

    name = forms.CharField(
        label="Name",
        max_length=40,
        help_text="Lower-case letters, digits and hyphens. The servers are called name-01, name-02 and so on.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    image = forms.ChoiceField(label="OS image")
    ssh_keys = forms.MultipleChoiceField(
        label="SSH keys", required=False, widget=forms.CheckboxSelectMultiple, help_text="Who may log in."
    )
    new_key = forms.CharField(
        label="New SSH key",
        required=False,
        max_length=MAX_LENGTH,
        help_text="Paste a public key, such as the content of ~/.ssh/id_ed25519.pub. It is saved with the project.",
        widget=forms.Textarea(
            attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "placeholder": "ssh-ed25519 AAAA… you@host"}
        ),
    )
    new_key_name = forms.CharField(
        label="Name of the new key",
        required=False,
        max_length=NAME_LENGTH,
        help_text="Empty: the comment at its end.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    user_data = UserDataField()
    opened_at = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        """Offer the published images and the project's keys."""
        super().__init__(*args, **kwargs)
        self.initial.setdefault("opened_at", clock.as_rfc3339(clock.now()))
        self.images: dict[str, OSImage] = {row.public_id: row for row in images(scope.project)}
        self.keys: dict[str, SSHKey] = {row.public_id: row for row in ssh_keys_of(scope)}
        for name, rows in (("image", self.images), ("ssh_keys", self.keys)):
            cast(forms.ChoiceField, self.fields[name]).choices = [(key, row.name) for key, row in rows.items()]
        if not self.keys:
            del self.fields["ssh_keys"]

    @classmethod
    def beside(cls, scope: Scope, asked: QueryDict) -> Self:
        """Return the form with what was typed beside the calendar, or on a page before; at first with every key."""
        form = cls(scope=scope)
        form.initial.update({name: asked[name] for name in cls.base_fields if name in asked and name != "opened_at"})
        form.initial["ssh_keys"] = asked.getlist("ssh_keys") if "typed" in asked else list(form.keys)
        form.use_required_attribute = False
        return form

    def clean(self) -> dict[str, Any]:
        """Ask the services' checks, and demand a key, chosen or pasted."""
        values = super().clean() or {}
        for name, check in CHECKS.items():
            self._check(name, check, values.get(name))
        chosen = [self.keys[key] for key in values.get("ssh_keys", [])]
        values["chosen_keys"] = chosen
        if not chosen and not values.get("new_key") and not {"ssh_keys", "new_key"} & set(self.errors):
            field = "ssh_keys" if self.keys else "new_key"
            self.add_error(
                field,
                forms.ValidationError(
                    "Choose or paste at least one key; nobody could log in without.", code="required"
                ),
            )
        return values

    def _check(self, name: str, check: Callable[[str], object], value: str | None) -> None:
        if value:
            try:
                check(value)
            except InvalidInput as error:
                for item in error.errors:
                    self.add_error(name, forms.ValidationError(item.detail, code=item.code))
