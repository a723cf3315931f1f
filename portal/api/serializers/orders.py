"""What is sent to make a reservation."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from portal.api.fields import Input, Text, Whole
from portal.api.serializers.choices import WishMixin, found
from portal.catalog.models import OSImage
from portal.catalog.selectors import image_of
from portal.reservations.request import ReservationRequest
from portal.tenancy.models import SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_keys_called

MAX_KEYS = 50


KEYS_TEXT = "Ids of the project's SSH keys; at least one."
USER_DATA_TEXT = "Cloud-init document or script, at most 16 KiB of UTF-8."


class NamedMixin(serializers.Serializer[Any]):
    """Reads the names of an image and of keys."""

    def validate_image(self, name: str) -> OSImage:
        """Return the image. Raises ValidationError."""
        return found(partial(image_of, self.context["scope"].project), name)

    def validate_ssh_keys(self, ids: list[str]) -> Sequence[SSHKey]:
        """Return the keys. Raises ValidationError for each that is not the project's."""
        keys = ssh_keys_called(self.context["scope"], ids)
        unknown = {
            index: [serializers.ErrorDetail("This project has no such SSH key.", code="unknown")]
            for index, name in enumerate(ids)
            if name not in keys
        }
        if unknown:
            raise ValidationError(unknown)  # type: ignore[arg-type]
        return [keys[name] for name in dict.fromkeys(ids)]


class ParticularsMixin(NamedMixin):
    """What a reservation is called, and what its servers are prepared with."""

    name = Text(help_text="Lower-case letters, digits, hyphens; at most 40. Host names begin with it.")
    image = Text(help_text="Id or slug of an OS image.")
    ssh_keys = serializers.ListField(child=Text(), max_length=MAX_KEYS, help_text=KEYS_TEXT)
    user_data = Text(default="", help_text=USER_DATA_TEXT)
    labels = serializers.DictField(child=Text(), default=dict, help_text="Your own marks, at most 20.")


class ReservationIn(ParticularsMixin, WishMixin, Input[ReservationRequest]):
    """What to reserve. All of the servers are reserved, or none."""

    count = Whole(help_text="Number of servers.")

    def wish(self) -> ReservationRequest:
        """Return the request. Only for valid input."""
        return ReservationRequest(**self.validated_data)


def input_of(scope: Scope, body: Any) -> ReservationRequest:
    """Return the request that a body asks for. Raises ValidationError."""
    given = ReservationIn(data=body, context={"scope": scope})
    given.is_valid(raise_exception=True)
    return given.wish()
