"""The serial console of a server, to be read."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import read_query
from portal.api.schema import list_doc, reads
from portal.api.serializers.console import ConsoleChunkOut, ConsoleQuery
from portal.api.views.tenant import TenantView
from portal.core.errors import NotFound
from portal.reservations.console import chunks_of, console_of
from portal.reservations.services.console import want_console
from portal.tenancy.roles import Verb

TEXT = """
What the server wrote while it was handed over to you, oldest first; it is kept for 30 days, also when the reservation
is over. It can only be read: nothing can be typed. While it is handed over, each request has its console read soon
after, else that happens every minute. Ask again every few seconds with `after` set to the last id that you got.

    curl -H "Authorization: Bearer $TOKEN" "$URL/api/v1/reservations/$ID/servers/$SERVER/console?after=$LAST"
"""


class ConsoleView(TenantView):
    """Output of a serial console."""

    @reads(
        list_doc(
            "list_console_output",
            "Servers",
            "Read the serial console of a server",
            ConsoleChunkOut,
            ConsoleQuery,
            TEXT,
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, reservation_id: str, server_id: str) -> Response:
        """Tell what the server wrote, after some output that the client knows."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(ConsoleQuery, request)
        found = console_of(scope, reservation_id, server_id)
        chunks = chunks_of(found, query["after"])
        want_console(allocation=found)
        return page_reply(chunks, query, lambda rows: documents(ConsoleChunkOut, rows))
