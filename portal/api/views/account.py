"""Whose token it is."""

from django.http import HttpResponse
from rest_framework.request import Request

from portal.api.authentication import caller_of
from portal.api.queries import refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, reads
from portal.api.serializers.account import MeOut
from portal.api.views.tenant import TenantView
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
