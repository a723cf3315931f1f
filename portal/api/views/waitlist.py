"""The waiting list: join, look, leave."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.field_errors import called
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.waitlist import (
    WaitlistEntryOut,
    WaitlistIn,
    WaitlistQuery,
    WrittenWaitlistEntryOut,
    waitlist_documents,
)
from portal.api.serializers.windows import NAMES
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import NoPrice, NotFound, StateConflict, WaitlistLimitReached
from portal.reservations.selectors import waitlist_entry_of, waitlist_of
from portal.reservations.services.waitlist import join, leave
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TAG = "Waiting list"
CREATE_TEXT = """
Wait for servers that are not free yet: for so many hours, to begin between `earliest` and `latest`, for `ceiling` at
most. Once they are free, first come first served, they are held for you and the entry has an `offer`: a quote that you
accept with `POST /quotes/{id}/accept` before it expires. Who lets an offer go by waits on at the end of the queue.

    curl -X POST "$URL/api/v1/waitlist" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"server_type": "h100-8x", "region": "eu-north-1", "count": 16, "hours": 336,
           "latest": "2030-03-01T00:00:00Z", "ceiling": "150000.00"}'

`waitlist_limit_reached` carries `limit`.
"""


def document_of(scope: Scope, public_id: str) -> dict[str, Any]:
    """Return one entry as the API writes it. Raises NotFound."""
    return waitlist_documents([waitlist_entry_of(scope, public_id)])[0]


class WaitlistView(TenantView):
    """All entries of the project."""

    @reads(list_doc("list_waitlist", TAG, "List what you wait for", WaitlistEntryOut, WaitlistQuery, "Newest first."))
    def get(self, request: Request) -> Response:
        """List entries, newest first."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(WaitlistQuery, request)
        rows = waitlist_of(scope)
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, waitlist_documents)

    @writes(
        Doc(
            "join_waitlist",
            TAG,
            "Wait for servers",
            WrittenWaitlistEntryOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=WaitlistIn,
            refuses=[NoPrice, WaitlistLimitReached],
            status=201,
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Join the queue."""
        scope = self.scope_for(Verb.RESERVE)

        def work() -> Effect:
            given = WaitlistIn(data=request.data)
            given.is_valid(raise_exception=True)
            with called(NAMES):
                made = join(scope=scope, actor=scope.actor, request=given.wish())
            address = reverse("api:waitlist-entry", args=[made.public_id])
            return Effect(document_of(scope, made.public_id), status=201, location=address)

        return carry_out(request, work)


class WaitlistEntryView(TenantView):
    """One entry."""

    @reads(
        Doc("get_waitlist_entry", TAG, "Look at what you wait for", WaitlistEntryOut, refuses=[NotFound], has_etag=True)
    )
    def get(self, request: Request, entry_id: str) -> HttpResponse:
        """Show an entry."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, document_of(scope, entry_id))


class LeaveView(TenantView):
    """Waiting no longer."""

    @writes(
        Doc(
            "leave_waitlist",
            TAG,
            "Leave the queue",
            WrittenWaitlistEntryOut,
            "An open offer is given up with it.",
            query=WriteQuery,
            refuses=[NotFound, StateConflict],
            has_etag=True,
        )
    )
    def post(self, request: Request, entry_id: str) -> HttpResponse:
        """Leave the queue."""
        scope = self.scope_for(Verb.RESERVE)
        refuse_body(request)

        def work() -> Effect:
            row = waitlist_entry_of(scope, entry_id)
            require_match(request, row, lambda: document_of(scope, entry_id))
            leave(scope=scope, actor=scope.actor, entry=row)
            return Effect(document_of(scope, entry_id))

        return carry_out(request, work)
