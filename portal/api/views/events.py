"""What is told of a reservation."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import read_query
from portal.api.schema import list_doc, reads
from portal.api.serializers.events import EventOut, EventsQuery
from portal.api.views.tenant import TenantView
from portal.api.waiting import wait_until
from portal.core.errors import NotFound
from portal.operations.selectors import events_of
from portal.reservations.selectors import reservation_of
from portal.tenancy.roles import Verb

TEXT = """
In the order in which they happened. Ask again with `after` set to the last id that you got; with `wait`, the reply
comes as soon as there is news. These requests do not count against the rate limit.

    curl -H "Authorization: Bearer $TOKEN" "$URL/api/v1/reservations/$ID/events?after=$LAST&wait=30"
"""


class EventsView(TenantView):
    """Events of a reservation."""

    reads_count = False

    @reads(
        list_doc(
            "list_reservation_events",
            "Reservations",
            "Follow the events of a reservation",
            EventOut,
            EventsQuery,
            TEXT,
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, reservation_id: str) -> Response:
        """Tell what happened, after an event that the client knows, waiting for news if it wants."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(EventsQuery, request)
        subject = reservation_of(scope, reservation_id).public_id
        events = events_of(subject, query["after"])
        wait_until(lambda: events.exists(), query["wait"])
        return page_reply(events, query, lambda rows: documents(EventOut, rows))
