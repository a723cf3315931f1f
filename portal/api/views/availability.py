"""Searching for free servers."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.queries import read_query
from portal.api.schema import Doc, reads
from portal.api.serializers.availability import AvailabilityOut, AvailabilityQuery, demand_of
from portal.api.views.tenant import TenantView
from portal.core.errors import NoPrice
from portal.reservations.offers import search
from portal.tenancy.roles import Verb

TEXT = """
Tells whether a number of servers is free for the whole of a period, what it costs, and what is near: each offer can be
sent to `POST /reservations` as it is. Nothing is kept for you.

    curl -G "$URL/api/v1/availability" -H "Authorization: Bearer $TOKEN" -d server_type=h100-8x \\
      -d region=eu-north-1 -d count=4 -d ends_at=$(date -u -d '+1 day' +%FT%TZ)
"""


class AvailabilityView(TenantView):
    """What is free."""

    @reads(
        Doc(
            "get_availability",
            "Reservations",
            "Search for free servers",
            AvailabilityOut,
            TEXT,
            query=AvailabilityQuery,
            refuses=[NoPrice],
        )
    )
    def get(self, request: Request) -> Response:
        """Tell what fits."""
        scope = self.scope_for(Verb.VIEW)
        demand = demand_of(read_query(AvailabilityQuery, request))
        return Response(AvailabilityOut(search(scope, demand)).data)
