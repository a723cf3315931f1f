"""The public list of prices: no login, the same for everybody, kept by caches for a while."""

from django.http import HttpResponse
from rest_framework.request import Request

from portal.api.queries import read_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, reads
from portal.api.serializers.price_list import PriceListOut, PriceListQuery
from portal.api.views.public import PublicView
from portal.catalog.price_list import price_list
from portal.core import clock
from portal.core.errors import NoPrice

CACHED = "public, max-age=300"
"""How long a copy may be shown: prices change by the day."""


class PricesView(PublicView):
    """Prices."""

    @reads(
        Doc(
            "list_prices",
            "Catalogue",
            "List the prices that hold now",
            PriceListOut,
            "No login needed. Prices by server type, region, term and commitment, with fees, cancellation terms, "
            "service levels and support. Without tax. The same as the page at `/prices`.",
            PriceListQuery,
            refuses=[NoPrice],
            has_etag=True,
        )
    )
    def get(self, request: Request) -> HttpResponse:
        """List the prices."""
        query = read_query(PriceListQuery, request)
        reply = object_reply(request, PriceListOut(price_list(query["currency"], clock.now())).data)
        reply.headers["Cache-Control"] = CACHED
        return reply
