"""Quotes: ask for a price, hold the servers, accept, give up."""

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
from portal.api.serializers.quotes import (
    QuoteIn,
    QuoteOut,
    QuotesQuery,
    WrittenQuoteOut,
    quote_document,
    quote_documents,
)
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import (
    ApprovalRequired,
    BudgetExceeded,
    HoldLimitReached,
    InsufficientCapacity,
    NoPrice,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from portal.reservations.selectors import quote_of, quotes_of
from portal.reservations.services.quotes import make_quote, withdraw
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TAG = "Quotes"
CREATE_TEXT = """
The price holds until `expires_at`. With `"hold": true` the servers are booked until then as well, and nobody else can
have them; without it `checks` tells whether they are free now. The three checks stand apart: `capacity`, `quota`,
`approval`. A hold is refused where one of them fails, and a project can have only a few at once.

    curl -X POST "$URL/api/v1/quotes" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"server_type": "h100-8x", "region": "eu-north-1", "count": 4, "hold": true,
           "starts_at": "2030-01-16T12:00:00Z", "ends_at": "2030-01-30T12:00:00Z"}'

`insufficient_capacity` carries `available` and `next_fit`, `quota_exceeded` carries `limit`, `used` and `requested`,
`approval_required` carries `limit` and `total`, `hold_limit_reached` carries `limit` and `retry_after`.
"""


def document_of(scope: Scope, public_id: str) -> dict[str, Any]:
    """Return one quote as the API writes it. Raises NotFound."""
    return quote_document(scope, quote_of(scope, public_id))


class QuotesView(TenantView):
    """All quotes of the project."""

    @reads(list_doc("list_quotes", TAG, "List quotes", QuoteOut, QuotesQuery, "Newest first; without `checks`."))
    def get(self, request: Request) -> Response:
        """List quotes, newest first."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(QuotesQuery, request)
        rows = quotes_of(scope)
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, quote_documents)

    @writes(
        Doc(
            "create_quote",
            TAG,
            "Ask for a price, and hold the servers",
            WrittenQuoteOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=QuoteIn,
            refuses=[NoPrice, InsufficientCapacity, QuotaExceeded, BudgetExceeded, ApprovalRequired, HoldLimitReached],
            status=201,
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Quote a price."""
        scope = self.scope_for(Verb.RESERVE)

        def work() -> Effect:
            given = QuoteIn(data=request.data)
            given.is_valid(raise_exception=True)
            wish, hold = given.wish()
            made = make_quote(scope=scope, actor=scope.actor, request=wish, hold=hold)
            return Effect(quote_document(scope, made), status=201, location=reverse("api:quote", args=[made.public_id]))

        return carry_out(request, work)


class QuoteView(TenantView):
    """One quote."""

    @reads(Doc("get_quote", TAG, "Look at a quote", QuoteOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, quote_id: str) -> HttpResponse:
        """Show a quote with its checks."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, document_of(scope, quote_id))


class WithdrawView(TenantView):
    """Giving up a quote."""

    @writes(
        Doc(
            "withdraw_quote",
            TAG,
            "Withdraw a quote",
            WrittenQuoteOut,
            "What it holds is free for others at once. Costs nothing.",
            query=WriteQuery,
            refuses=[NotFound, StateConflict],
            has_etag=True,
        )
    )
    def post(self, request: Request, quote_id: str) -> HttpResponse:
        """Give up a quote."""
        scope = self.scope_for(Verb.RESERVE)
        refuse_body(request)

        def work() -> Effect:
            quote = quote_of(scope, quote_id)
            require_match(request, quote, lambda: document_of(scope, quote_id))
            withdraw(scope=scope, actor=scope.actor, quote=quote)
            return Effect(document_of(scope, quote_id))

        return carry_out(request, work)
