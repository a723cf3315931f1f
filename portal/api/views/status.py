"""The public status, without login."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.queries import refuse_query
from portal.api.schema import Doc, reads
from portal.api.serializers.status import StatusOut
from portal.api.views.public import PublicView
from portal.sla.status import status_now


class StatusView(PublicView):
    """How everything is."""

    @reads(
        Doc(
            "get_status",
            "Incidents and maintenance",
            "How every region is, and was in the last 90 days",
            StatusOut,
            "No login needed. It says nothing of tenants or their servers.",
        )
    )
    def get(self, request: Request) -> Response:
        """Show the status."""
        refuse_query(request)
        return Response(StatusOut(status_now()).data, headers={"Cache-Control": "public, max-age=15"})
