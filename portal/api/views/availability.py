"""Searching for free servers."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.queries import read_query
from portal.api.schema import Doc, reads
from portal.api.serializers.availability import (
    AvailabilityOut,
    AvailabilityQuery,
    StartsOut,
    StartsQuery,
    demand_of,
)
from portal.api.serializers.windows import check_wish, wish_of
from portal.api.views.tenant import TenantView
from portal.core.errors import NoPrice
from portal.reservations.capacity import Demand
from portal.reservations.offers import search, starts_of
from portal.tenancy.roles import Verb

TAG = "Availability"
TEXT = """
Tells whether a number of servers is free for the whole of a period, what it costs, and what is near: earlier, later,
shorter, longer, in another fabric or region, and where it does not fit also fewer, or spread over several fabrics. Each
offer can be sent to `POST /quotes` or `POST /reservations` as it is. Nothing is kept for you: a quote with a hold is.

    curl -G "$URL/api/v1/availability" -H "Authorization: Bearer $TOKEN" -d server_type=h100-8x \\
      -d region=eu-north-1 -d count=4 -d ends_at=$(date -u -d '+1 day' +%FT%TZ)
"""
STARTS_TEXT = """
The next ten full hours at which a number of servers can be had for so many hours.

    curl -G "$URL/api/v1/availability/starts" -H "Authorization: Bearer $TOKEN" -d server_type=h100-8x \\
      -d region=eu-north-1 -d count=16 -d hours=336 -d latest=2030-02-01T00:00:00Z
"""


class AvailabilityView(TenantView):
    """What is free."""

    @reads(
        Doc(
            "get_availability",
            TAG,
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


class StartsView(TenantView):
    """When it could begin."""

    @reads(
        Doc(
            "get_availability_starts",
            TAG,
            "Search for the next starts",
            StartsOut,
            STARTS_TEXT,
            query=StartsQuery,
            refuses=[NoPrice],
        )
    )
    def get(self, request: Request) -> Response:
        """Tell when it fits."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(StartsQuery, request)
        wish = wish_of(query)
        period = check_wish(wish)
        demand = Demand(wish.server_type, wish.region, wish.count, period, wish.placement, fabric=query["fabric"])
        return Response(StartsOut({"starts": starts_of(scope, demand, wish.latest)}).data)
