"""Whose token it is, and its limits."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.authentication import caller_of
from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads
from portal.api.serializers.account import MeOut, QuotaOut
from portal.api.views.tenant import TenantView
from portal.quotas.selectors import quotas_of
from portal.reservations.selectors import held_now
from portal.tenancy.roles import Verb

TAG = "Account"


class MeView(TenantView):
    """The token itself."""

    @reads(Doc("get_me", TAG, "Look at your token", MeOut, has_etag=True))
    def get(self, request: Request) -> HttpResponse:
        """Tell whose token it is and what it may do."""
        self.scope_for(Verb.VIEW)
        refuse_query(request)
        return object_reply(request, MeOut(caller_of(request)).data)


class QuotasView(TenantView):
    """Limits."""

    @reads(list_doc("list_quotas", TAG, "List quotas and their use", QuotaOut, PageQuery))
    def get(self, request: Request) -> Response:
        """List the limits of the organization and what is in use now."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        held = held_now(scope.organization)
        return page_reply(quotas_of(scope.organization), query, lambda rows: documents(QuotaOut, rows, held=held))
