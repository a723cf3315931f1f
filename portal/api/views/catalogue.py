"""What can be had: regions, server types, images."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, read_query
from portal.api.schema import list_doc, reads
from portal.api.serializers.catalogue import ImageOut, RegionOut, ServerTypeOut
from portal.api.views.tenant import TenantView
from portal.catalog.selectors import images, list_prices
from portal.core import clock
from portal.fleet.selectors import regions_with_fabrics, server_types
from portal.tenancy.roles import Verb

TAG = "Catalogue"


class RegionsView(TenantView):
    """Regions."""

    @reads(list_doc("list_regions", TAG, "List regions", RegionOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the regions with their fabrics."""
        self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(regions_with_fabrics(), query, lambda rows: documents(RegionOut, rows))


class ServerTypesView(TenantView):
    """Server types."""

    @reads(list_doc("list_server_types", TAG, "List server types with their prices", ServerTypeOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the server types with their list prices in the organization's currency."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        prices = list(list_prices(scope.organization.currency, clock.now()))
        return page_reply(server_types(), query, lambda rows: documents(ServerTypeOut, rows, prices=prices))


class ImagesView(TenantView):
    """OS images."""

    @reads(list_doc("list_images", TAG, "List OS images", ImageOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the OS images that the project may choose."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(images(scope.project), query, lambda rows: documents(ImageOut, rows))
