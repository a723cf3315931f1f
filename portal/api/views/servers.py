"""Servers: those of a reservation, and those that the project holds now."""

from functools import partial

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads
from portal.api.serializers.servers import ServerOut
from portal.api.views.tenant import TenantView
from portal.core.errors import NotFound
from portal.reservations.selectors import allocations_of, reservation_of, server_of, servers_of
from portal.tenancy.roles import Verb

TAG = "Servers"
_documents = partial(documents, ServerOut)


class ServersView(TenantView):
    """Servers of the project."""

    @reads(list_doc("list_servers", TAG, "List the servers that you hold now", ServerOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the servers that the project holds now, by host name."""
        scope = self.scope_for(Verb.VIEW)
        return page_reply(servers_of(scope), read_query(PageQuery, request), _documents)


class ServerView(TenantView):
    """One server."""

    @reads(Doc("get_server", TAG, "Look at a server that you hold now", ServerOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, server_id: str) -> HttpResponse:
        """Show a server that the project holds now."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, ServerOut(server_of(scope, server_id)).data)


class ReservationServersView(TenantView):
    """Servers of a reservation."""

    @reads(
        list_doc(
            "list_reservation_servers",
            TAG,
            "List the servers of a reservation",
            ServerOut,
            PageQuery,
            "In the order of their host names' numbers. How to log in is told while a server is handed over.",
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, reservation_id: str) -> Response:
        """List a reservation's servers in order."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(allocations_of(reservation_of(scope, reservation_id)), query, _documents)
