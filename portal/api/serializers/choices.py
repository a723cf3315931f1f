"""Input that names things of the catalogue, and gives the things themselves."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from portal.api.fields import InstantField, Text
from portal.core.errors import NotFound
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import fabric_called, region_called, server_type_called
from portal.operations.states import OperationKind, OperationState
from portal.reservations.models import Placement
from portal.reservations.states import QuoteState, ReservationState, WaitlistState

Thing = TypeVar("Thing")


def choices_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return names as the choices of a field; ``str`` takes the plain text out of the members of an enumeration."""
    return [(str(name), str(name)) for name in names]


# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
RESERVATION_STATES = choices_of(ReservationState)
OPERATION_STATES = choices_of(OperationState)
OPERATION_KINDS = choices_of(OperationKind)
QUOTE_STATES = choices_of(QuoteState)
WAITLIST_STATES = choices_of(WaitlistState)


def found(look_up: Callable[[str], Thing], name: str) -> Thing:
    """Return what ``name`` names. Raises ValidationError."""
    try:
        return look_up(name)
    except NotFound as error:
        raise ValidationError(error.detail, code="unknown") from None


class PlaceMixin(serializers.Serializer[Any]):
    """Which servers, where, and how they must lie."""

    server_type = Text(help_text="Id of a server type, such as `h100-8x`.")
    region = Text(help_text="Id of a region, such as `eu-north-1`.")
    placement = serializers.ChoiceField(choices=Placement.choices, default=Placement.SAME_FABRIC)

    def validate_server_type(self, name: str) -> ServerType:
        """Return the server type. Raises ValidationError."""
        return found(server_type_called, name)

    def validate_region(self, name: str) -> Region:
        """Return the region. Raises ValidationError."""
        return found(region_called, name)


class FabricMixin(serializers.Serializer[Any]):
    """In which fabric of the region, where that matters."""

    fabric = Text(
        required=False, allow_null=True, default=None, help_text="Name of a fabric of the region. Without it: any."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with the fabric that they name. Raises ValidationError."""
        name, region = values["fabric"], values.get("region")
        if name is None:
            return values
        if region is None:
            needed = ErrorDetail("Fabrics have their names within a region: give it too.", code="required")
            raise ValidationError({"region": needed})
        try:
            return {**values, "fabric": fabric_called(name, region)}
        except NotFound as error:
            raise ValidationError({"fabric": ErrorDetail(error.detail, code="unknown")}) from None


class WishMixin(FabricMixin, PlaceMixin):
    """Which servers, how many, where, when. Bounds are left to the service, which names the field and the way out."""

    starts_at = InstantField(required=False, allow_null=True, default=None, help_text="Without it: now.")
    ends_at = InstantField()
