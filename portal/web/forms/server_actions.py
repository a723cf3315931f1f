"""What is asked for when something is to be done with a server. The services judge it; these only read it."""

from typing import Any, cast

from django import forms

from portal.catalog.models import OSImage
from portal.catalog.selectors import images
from portal.reservations.models import Allocation
from portal.tenancy.models import SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_keys_of
from portal.web.forms.confirm import TypedNameForm
from portal.web.forms.user_data import UserDataField


class ActionForm(forms.Form):
    """Nothing but the wish."""

    def __init__(self, *args: Any, scope: Scope, allocation: Allocation, **kwargs: Any) -> None:
        """Know whose server it is."""
        super().__init__(*args, **kwargs)
        self.scope, self.allocation = scope, allocation


class KeysForm(ActionForm):
    """Who may log in."""

    ssh_keys = forms.MultipleChoiceField(
        label="SSH keys",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Who may log in. With none chosen: the keys of the reservation.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the project's keys."""
        super().__init__(*args, **kwargs)
        self.keys: dict[str, SSHKey] = {row.public_id: row for row in ssh_keys_of(self.scope)}
        choices = [(key, row.name) for key, row in self.keys.items()]
        cast(forms.ChoiceField, self.fields["ssh_keys"]).choices = choices
        if not self.keys:
            del self.fields["ssh_keys"]

    def clean(self) -> dict[str, Any]:
        """Put rows in the place of ids, and None where the reservation's own are meant."""
        values = super().clean() or {}
        return {**values, "ssh_keys": [self.keys[name] for name in values.get("ssh_keys", [])] or None}


class ReinstallForm(KeysForm, TypedNameForm):
    """What to install; at first what the reservation has. The host name is typed, because data are lost."""

    field_order = ("image", "ssh_keys", "first_boot", "user_data", "name")
    image = forms.ChoiceField(label="OS image")
    first_boot = forms.ChoiceField(
        label="First boot",
        choices=[
            ("same", "Runs the reservation's user-data again"),
            ("other", "Runs what is written below"),
        ],
    )
    user_data = UserDataField()

    def __init__(self, *args: Any, allocation: Allocation, **kwargs: Any) -> None:
        """Offer the published images too, and begin with what the reservation has."""
        super().__init__(*args, allocation=allocation, wanted=allocation.hostname, **kwargs)
        reservation = allocation.reservation
        self.images: dict[str, OSImage] = {row.public_id: row for row in images(reservation.project)}
        if reservation.image is not None:
            self.images.setdefault(reservation.image.public_id, reservation.image)
            self.initial.setdefault("image", reservation.image.public_id)
        choices = [(key, row.name) for key, row in self.images.items()]
        cast(forms.ChoiceField, self.fields["image"]).choices = choices
        if not reservation.user_data:
            del self.fields["first_boot"]

    def clean(self) -> dict[str, Any]:
        """Do the same for the image and the user-data."""
        values = super().clean() or {}
        return {
            **values,
            "image": self.images.get(values.get("image", "")),
            "user_data": None if values.get("first_boot") == "same" else values.get("user_data", ""),
        }
