"""Limits with their use, and requests for more."""

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import PageQuery, WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.quotas import (
    QuotaOut,
    QuotaRequestIn,
    QuotaRequestOut,
    QuotaRequestsQuery,
    WrittenQuotaRequestOut,
    document_of,
)
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out, refuse_body
from portal.core.errors import NotFound, StateConflict
from portal.quotas.selectors import quota_request_of, quota_requests_of, quotas_seen_by
from portal.quotas.services.limits import request_increase, withdraw_request
from portal.reservations.quota_check import use_of
from portal.tenancy.roles import Verb

TAG = "Quotas"
LIST_TEXT = """
Limits of the organization, and those of the token's project where it has some of its own. A reservation must fit all
of them: servers at every instant of its period, GPU-hours in every calendar month (UTC) that it touches.
"""
CREATE_TEXT = """
Sales answer it; until then it is `pending`, and a project has one pending request for a server type in a region.

    curl -X POST "$URL/api/v1/quota-requests" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
      -d '{"server_type": "h100-8x", "region": "eu-north-1", "limit": 96, "reason": "Second training run in May"}'
"""


class QuotasView(TenantView):
    """Limits."""

    @reads(list_doc("list_quotas", TAG, "List quotas and their use", QuotaOut, PageQuery, LIST_TEXT))
    def get(self, request: Request) -> Response:
        """List the limits and what is in use now."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(quotas_seen_by(scope), query, lambda rows: documents(QuotaOut, use_of(rows)))


class QuotaRequestsView(TenantView):
    """All requests of the project."""

    @reads(
        list_doc(
            "list_quota_requests", TAG, "List requests for quota", QuotaRequestOut, QuotaRequestsQuery, "Newest first."
        )
    )
    def get(self, request: Request) -> Response:
        """List requests, newest first."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(QuotaRequestsQuery, request)
        rows = quota_requests_of(scope)
        if "state" in query:
            rows = rows.filter(state__in=query["state"])
        return page_reply(rows, query, lambda found: documents(QuotaRequestOut, found))

    @writes(
        Doc(
            "create_quota_request",
            TAG,
            "Ask for more quota",
            WrittenQuotaRequestOut,
            CREATE_TEXT,
            query=WriteQuery,
            body=QuotaRequestIn,
            status=201,
        )
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask for more."""
        scope = self.scope_for(Verb.RESERVE)

        def work() -> Effect:
            given = QuotaRequestIn(data=request.data)
            given.is_valid(raise_exception=True)
            made = request_increase(scope=scope, actor=scope.actor, **given.validated_data)
            return Effect(document_of(made), status=201, location=reverse("api:quota-request", args=[made.public_id]))

        return carry_out(request, work)


class QuotaRequestView(TenantView):
    """One request."""

    @reads(
        Doc(
            "get_quota_request",
            TAG,
            "Look at a request for quota",
            QuotaRequestOut,
            refuses=[NotFound],
            has_etag=True,
        )
    )
    def get(self, request: Request, request_id: str) -> HttpResponse:
        """Show a request."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, document_of(quota_request_of(scope, request_id)))


class WithdrawView(TenantView):
    """Taking a request back."""

    @writes(
        Doc(
            "withdraw_quota_request",
            TAG,
            "Withdraw a pending request for quota",
            WrittenQuotaRequestOut,
            "One that is answered already stays as it is.",
            query=WriteQuery,
            refuses=[NotFound, StateConflict],
            has_etag=True,
        )
    )
    def post(self, request: Request, request_id: str) -> HttpResponse:
        """Take a request back."""
        scope = self.scope_for(Verb.RESERVE)
        refuse_body(request)

        def work() -> Effect:
            row = quota_request_of(scope, request_id)
            require_match(request, row, lambda: document_of(quota_request_of(scope, request_id)))
            return Effect(document_of(withdraw_request(scope=scope, actor=scope.actor, request=row)))

        return carry_out(request, work)
