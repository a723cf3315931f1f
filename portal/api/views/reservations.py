"""Reservations: list, make, look at, call off, give back."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.filters import ReservationsQuery, filtered
from portal.api.serializers.orders import ReservationIn, input_of
from portal.api.serializers.reservations import ReservationOut, WrittenReservationOut, reservation_documents
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import (
    ApprovalRequired,
    BudgetExceeded,
    InsufficientCapacity,
    NoPrice,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from portal.reservations.models import Reservation
from portal.reservations.selectors import reservation_of, reservations_listed
from portal.reservations.services import lifecycle
from portal.reservations.services.reserve import reserve
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TAG = "Reservations"
CREATE_TEXT = """
All of the servers are reserved, or none. One that starts now is prepared at once (`provisioning`), a later one in time
for its start (`scheduled`).

    curl -X POST "$URL/api/v1/reservations" -H "Authorization: Bearer $TOKEN" \\
      -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" \\
      -d '{"name": "train-7b", "server_type": "h100-8x", "region": "eu-north-1", "count": 4, "image": "ubuntu-24-04",
           "ssh_keys": ["key_..."], "ends_at": "'$(date -u -d '+1 day' +%FT%TZ)'"}'

With `fabric` all servers are in the fabric of that name, or the request is refused. `insufficient_capacity` carries
`available` and `next_fit`, `quota_exceeded` carries `limit`, `used` and `requested`, `approval_required` carries
`limit` and `total`.
"""

CANCEL_TEXT = """
What is owed follows from the reservation's terms: `cancellation.fee` tells it before, `price` after, and with
`dry_run=true` the reply shows it without doing it. Send the `ETag` of what you saw as `If-Match`, and it is not done at
another fee. Servers that were begun with are erased. One that is active is released instead.
"""
RELEASE_TEXT = """
Its servers are switched off and erased. **Their data is lost.** What is not used costs what the terms say without
notice, as an earlier end would; with `dry_run=true` the reply shows the price beforehand.
"""


def document_of(scope: Scope, public_id: str) -> dict[str, Any]:
    """Return one reservation as the API writes it. Raises NotFound."""
    return reservation_documents([reservation_of(scope, public_id)])[0]


class ReservationsView(TenantView):
    """All reservations of the project."""

    @reads(list_doc("list_reservations", TAG, "List reservations", ReservationOut, ReservationsQuery, "Newest first."))
    def get(self, request: Request) -> Response:
        """List reservations, newest first."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(ReservationsQuery, request)
        return page_reply(filtered(reservations_listed(scope), query), query, reservation_documents)

    @writes(
        Doc(
            "create_reservation",
            TAG,
            "Reserve servers",
            WrittenReservationOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=ReservationIn,
            refuses=[InsufficientCapacity, QuotaExceeded, BudgetExceeded, ApprovalRequired, NoPrice],
            status=201,
        ),
        key_required=True,
    )
    def post(self, request: Request) -> HttpResponse:
        """Reserve servers."""
        scope = self.scope_for(Verb.RESERVE)

        def work() -> Effect:
            made = reserve(scope=scope, actor=scope.actor, request=input_of(scope, request.data))
            address = reverse("api:reservation", args=[made.public_id])
            return Effect(reservation_documents([made])[0], status=201, location=address)

        return carry_out(request, work, key_required=True)


class ReservationView(TenantView):
    """One reservation."""

    @reads(Doc("get_reservation", TAG, "Look at a reservation", ReservationOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, reservation_id: str) -> HttpResponse:
        """Show a reservation."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, document_of(scope, reservation_id))


class _EndingView(TenantView):
    """A way to end a reservation."""

    service: Callable[..., Reservation]

    def end(self, request: Request, reservation_id: str) -> HttpResponse:
        """End the reservation by the service."""
        scope = self.scope_for(Verb.RELEASE)
        refuse_body(request)

        def work() -> Effect:
            found = reservation_of(scope, reservation_id)
            require_match(request, found, lambda: document_of(scope, reservation_id))
            type(self).service(scope=scope, actor=scope.actor, reservation=found)
            return Effect(document_of(scope, reservation_id))

        return carry_out(request, work)


def _ending_doc(operation_id: str, summary: str, text: str) -> Doc:
    return Doc(
        operation_id,
        TAG,
        summary,
        WrittenReservationOut,
        text,
        query=WriteQuery,
        refuses=[NotFound, StateConflict],
        has_etag=True,
    )


class CancelView(_EndingView):
    """Calling off."""

    service = lifecycle.cancel

    @writes(
        _ending_doc(
            "cancel_reservation",
            "Cancel a reservation that is not handed over",
            CANCEL_TEXT,
        )
    )
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """Call off a reservation."""
        return self.end(request, reservation_id)


class ReleaseView(_EndingView):
    """Giving back."""

    service = lifecycle.release

    @writes(
        _ending_doc(
            "release_reservation",
            "Release an active reservation now",
            RELEASE_TEXT,
        )
    )
    def post(self, request: Request, reservation_id: str) -> HttpResponse:
        """End an active reservation now."""
        return self.end(request, reservation_id)
