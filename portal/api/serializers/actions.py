"""What is sent to have something done with a server."""

from rest_framework import serializers

from portal.api.fields import Input, Text
from portal.api.serializers.choices import choices_of
from portal.api.serializers.orders import KEYS_TEXT, MAX_KEYS, USER_DATA_TEXT, NamedMixin
from portal.reservations.services.actions import PowerAction, Setup

SAME = "Without it: as the reservation has it."


class SetupIn(NamedMixin, Input[Setup]):
    """What to install a server with."""

    image = Text(required=False, help_text=f"Id or slug of an OS image. {SAME}")
    ssh_keys = serializers.ListField(child=Text(), max_length=MAX_KEYS, required=False, help_text=f"{KEYS_TEXT} {SAME}")
    user_data = Text(required=False, help_text=f"{USER_DATA_TEXT} {SAME}")

    def wish(self) -> Setup:
        """Return what is asked for. Only for valid input."""
        return Setup(**self.validated_data)


class RescueIn(NamedMixin, Input[Setup]):
    """Who may log in to the rescue system."""

    ssh_keys = serializers.ListField(child=Text(), max_length=MAX_KEYS, required=False, help_text=f"{KEYS_TEXT} {SAME}")

    def wish(self) -> Setup:
        """Return what is asked for. Only for valid input."""
        return Setup(**self.validated_data)


class LeaveRescueIn(Input[None]):
    """Nothing."""


class PowerIn(Input[PowerAction]):
    """What to do with a server's power."""

    action = serializers.ChoiceField(choices=choices_of(PowerAction))

    def wish(self) -> PowerAction:
        """Return what is asked for. Only for valid input."""
        return PowerAction(self.validated_data["action"])
