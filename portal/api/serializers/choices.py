"""Input that names things of the catalogue, and gives the things themselves."""

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from portal.api.fields import InstantField, Text
from portal.core.errors import NotFound
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import region_called, server_type_called
from portal.reservations.models import Placement

Thing = TypeVar("Thing")


def found(look_up: Callable[[str], Thing], name: str) -> Thing:
    """Return what ``name`` names. Raises ValidationError."""
    try:
        return look_up(name)
    except NotFound as error:
        raise ValidationError(error.detail, code="unknown") from None


class WishMixin(serializers.Serializer[Any]):
    """Which servers, how many, where, when. Bounds are left to the service, which names the field and the way out."""

    server_type = Text(help_text="Id of a server type, such as `h100-8x`.")
    region = Text(help_text="Id of a region, such as `eu-north-1`.")
    starts_at = InstantField(required=False, allow_null=True, default=None, help_text="Without it: now.")
    ends_at = InstantField()
    placement = serializers.ChoiceField(choices=Placement.choices, default=Placement.SAME_FABRIC)

    def validate_server_type(self, name: str) -> ServerType:
        """Return the server type. Raises ValidationError."""
        return found(server_type_called, name)

    def validate_region(self, name: str) -> Region:
        """Return the region. Raises ValidationError."""
        return found(region_called, name)
