"""Incidents, and announced maintenance with putting it off."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.preconditions import require_match
from portal.api.queries import PageQuery, WriteQuery, read_query, refuse_query
from portal.api.replies import object_reply
from portal.api.schema import Doc, list_doc, reads, writes
from portal.api.serializers.incidents import (
    DeferIn,
    IncidentOut,
    MaintenanceOut,
    WrittenMaintenanceOut,
    turn_document,
)
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import NotFound, StateConflict
from portal.sla.selectors import incident_of, incidents_of, maintenance_of, servers_had_by, turn_of
from portal.sla.services.maintenance import defer_maintenance
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TAG = "Incidents and maintenance"
DEFER_TEXT = """
Until the turn begins, and as far as the service level of the reservation allows. What was put off is no longer moved
with the window.
"""


def _own(scope: Scope) -> frozenset[int]:
    return frozenset(servers_had_by(scope))


class IncidentsView(TenantView):
    """Incidents."""

    @reads(
        list_doc(
            "list_incidents",
            TAG,
            "List incidents",
            IncidentOut,
            PageQuery,
            "The public ones, and those that touched a server while the project had it; newest first.",
        )
    )
    def get(self, request: Request) -> Response:
        """List incidents."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(incidents_of(scope), query, lambda rows: documents(IncidentOut, rows, own=_own(scope)))


class IncidentView(TenantView):
    """One incident."""

    @reads(Doc("get_incident", TAG, "Look at an incident", IncidentOut, refuses=[NotFound], has_etag=True))
    def get(self, request: Request, incident_id: str) -> HttpResponse:
        """Show an incident."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        found = documents(IncidentOut, [incident_of(scope, incident_id)], own=_own(scope))
        return object_reply(request, found[0])


class MaintenanceView(TenantView):
    """Announced maintenance."""

    @reads(
        list_doc(
            "list_maintenance",
            TAG,
            "List maintenance of your servers",
            MaintenanceOut,
            PageQuery,
            "One line for each server's turn; what was announced last comes first.",
        )
    )
    def get(self, request: Request) -> Response:
        """List the turns."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(PageQuery, request)
        return page_reply(maintenance_of(scope), query, lambda rows: documents(MaintenanceOut, rows))


class DeferView(TenantView):
    """Putting maintenance off."""

    @writes(
        Doc(
            "defer_maintenance",
            TAG,
            "Put the maintenance of a server off",
            WrittenMaintenanceOut,
            DEFER_TEXT,
            query=WriteQuery,
            body=DeferIn,
            refuses=[NotFound, StateConflict],
            has_etag=True,
        )
    )
    def post(self, request: Request, window_id: str, server_id: str) -> HttpResponse:
        """Put a turn off."""
        scope = self.scope_for(Verb.OPERATE)

        def work() -> Effect:
            row = turn_of(scope, window_id, server_id)
            given = DeferIn(data=request.data)
            given.is_valid(raise_exception=True)
            require_match(request, row.window, lambda: turn_document(turn_of(scope, window_id, server_id)))
            made = defer_maintenance(
                scope=scope, actor=scope.actor, window=row.window, server=row.server, **given.validated_data
            )
            return Effect(turn_document(made))

        return carry_out(request, work)
