"""What was promised and what came of it: per reservation and month, with the evidence to work it out again."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, read_query, refuse_query
from portal.api.schema import Doc, list_doc, reads
from portal.api.serializers.sla import DefinitionsOut, EvidenceOut, SlaOut, SlaQuery
from portal.api.views.public import PublicView
from portal.api.views.tenant import TenantView
from portal.core import clock
from portal.core.errors import NotFound
from portal.core.months import month_called, month_of
from portal.sla.definitions import DEFINITIONS
from portal.sla.reporting import reports_of
from portal.sla.selectors import evidence_of, reservations_in
from portal.tenancy.roles import Verb

TAG = "SLA"
SLA_TEXT = """
Reservations with servers that were handed over in the month. Credits are written when a month is measured, some hours
after its end, and go on the next invoice: nobody needs to ask for them.
"""
EVIDENCE_TEXT = """
What was seen of a server while the reservation had it, in the order of recording. With `/sla/definitions`, the
times in which the server was `served` and `left_out` (`/sla`), and the `arithmetic` of a credit this is enough to work
the credit out again.

    curl -s -H "Authorization: Bearer $TOKEN" "$URL/api/v1/reservations/res_.../servers/srv_.../evidence"
"""


class SlaView(TenantView):
    """Measured availability."""

    @reads(list_doc("list_sla", TAG, "Measured availability and credits by reservation", SlaOut, SlaQuery, SLA_TEXT))
    def get(self, request: Request) -> Response:
        """List what a month came to."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(SlaQuery, request)
        month = month_called(query["month"]) if query["month"] else month_of(clock.now())
        rows = reservations_in(scope, month)
        return page_reply(rows, query, lambda found: documents(SlaOut, reports_of(found, month)))


class EvidenceView(TenantView):
    """Raw evidence."""

    @reads(
        list_doc(
            "list_evidence",
            TAG,
            "List what was seen of a server",
            EvidenceOut,
            PageQuery,
            EVIDENCE_TEXT,
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, reservation_id: str, server_id: str) -> Response:
        """List the runs of samples."""
        rows = evidence_of(self.scope_for(Verb.VIEW), reservation_id, server_id)
        return page_reply(rows, read_query(PageQuery, request), lambda found: documents(EvidenceOut, found))


class DefinitionsView(PublicView):
    """What counts as down."""

    @reads(Doc("list_sla_definitions", TAG, "List the versions of what counts as down", DefinitionsOut))
    def get(self, request: Request) -> Response:
        """List the definitions."""
        refuse_query(request)
        return Response(DefinitionsOut({"definitions": list(DEFINITIONS.values())}).data)
