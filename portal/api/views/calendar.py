"""The calendar of what is free."""

from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.queries import read_query
from portal.api.schema import Doc, reads
from portal.api.serializers.calendar import CalendarOut, CalendarQuery, part_of
from portal.api.views.availability import TAG
from portal.api.views.tenant import TenantView
from portal.reservations.heatmap import calendar_of, span_of
from portal.tenancy.roles import Verb

TEXT = """
For each pool (a server type in a fabric of a region) and each day or hour: how many servers are free for all of it, and
whether that is enough. Free time before and after, which preparing and erasing need, is not looked at, and a period of
several slots needs the same servers in all of them: `GET /availability` decides.

    curl -G "$URL/api/v1/calendar" -H "Authorization: Bearer $TOKEN" -d server_type=h100-8x -d region=eu-north-1 \\
      -d from=2030-01-15 -d days=35 -d count=16
"""


class CalendarView(TenantView):
    """What is free when."""

    @reads(Doc("get_calendar", TAG, "See what is free, day by day", CalendarOut, TEXT, query=CalendarQuery))
    def get(self, request: Request) -> Response:
        """Show the calendar."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(CalendarQuery, request)
        part = part_of(query)
        span = span_of(part["first"], part["grain"], part["slots"])
        document = {
            "grain": query["grain"],
            "starts_at": span.start,
            "ends_at": span.end,
            "pools": calendar_of(scope, **part),
        }
        return Response(CalendarOut(document).data)
