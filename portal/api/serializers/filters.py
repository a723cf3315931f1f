"""Which of the project's things a list shows."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers

from portal.api.fields import Text
from portal.api.queries import MAX_LIMIT, PageQuery
from portal.api.serializers.choices import RESERVATION_STATES, found
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import region_called, server_type_called
from portal.reservations.models import Reservation


class ReservationsQuery(PageQuery):
    """Which reservations."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=RESERVATION_STATES),
        required=False,
        help_text="May be given several times.",
    )
    name = Text(required=False)
    region = Text(required=False, help_text="Id of a region.")
    server_type = Text(required=False, help_text="Id of a server type.")

    def validate_region(self, name: str) -> Region:
        """Return the region. Raises ValidationError."""
        return found(region_called, name)

    def validate_server_type(self, name: str) -> ServerType:
        """Return the server type. Raises ValidationError."""
        return found(server_type_called, name)


class OperationsQuery(PageQuery):
    """Which operations."""

    id = serializers.ListField(
        child=Text(),
        required=False,
        max_length=MAX_LIMIT,
        help_text="May be given several times, to ask for many at once. Ids that are not the project's are left out.",
    )


def filtered(rows: models.QuerySet[Reservation], query: Mapping[str, Any]) -> models.QuerySet[Reservation]:
    """Return those of ``rows`` that a ReservationsQuery asks for."""
    if "state" in query:
        rows = rows.filter(state__in=query["state"])
    exact = {name: query[name] for name in ("name", "region", "server_type") if name in query}
    return rows.filter(**exact)
