"""Accepting quotes."""

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from portal.api.queries import WriteQuery
from portal.api.schema import Doc, writes
from portal.api.serializers.quotes import AcceptIn
from portal.api.serializers.reservations import WrittenReservationOut
from portal.api.views.quotes import TAG
from portal.api.views.reservations import document_of
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import (
    ApprovalRequired,
    BudgetExceeded,
    InsufficientCapacity,
    NotFound,
    QuotaExceeded,
    QuoteExpired,
    StateConflict,
)
from portal.reservations.selectors import quote_of
from portal.reservations.services.quotes import accept
from portal.tenancy.roles import Verb

ACCEPT_TEXT = """
The quote becomes a reservation at the quoted price, once. One with a hold has its servers already; without a hold they
must still be free. Check `state` afterwards: what starts now is prepared at once (`provisioning`).

    curl -X POST "$URL/api/v1/quotes/$QUOTE/accept" -H "Authorization: Bearer $TOKEN" \\
      -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" \\
      -d '{"name": "train-7b", "image": "ubuntu-24-04", "ssh_keys": ["key_..."]}'

`quote_expired` carries `expires_at`. A quote that is accepted already is refused with `state_conflict`, which carries
the id of its `reservation`.
"""


class AcceptView(TenantView):
    """Deciding for a quote."""

    @writes(
        Doc(
            "accept_quote",
            TAG,
            "Accept a quote",
            WrittenReservationOut,
            ACCEPT_TEXT,
            query=WriteQuery,
            body=AcceptIn,
            refuses=[
                NotFound,
                QuoteExpired,
                StateConflict,
                ApprovalRequired,
                BudgetExceeded,
                InsufficientCapacity,
                QuotaExceeded,
            ],
            status=201,
        ),
        key_required=True,
    )
    def post(self, request: Request, quote_id: str) -> HttpResponse:
        """Turn a quote into a reservation."""
        scope = self.scope_for(Verb.RESERVE)

        def work() -> Effect:
            quote = quote_of(scope, quote_id)
            given = AcceptIn(data=request.data, context={"scope": scope})
            given.is_valid(raise_exception=True)
            made = accept(scope=scope, actor=scope.actor, quote=quote, particulars=given.particulars())
            address = reverse("api:reservation", args=[made.public_id])
            return Effect(document_of(scope, made.public_id), status=201, location=address)

        return carry_out(request, work, key_required=True)
