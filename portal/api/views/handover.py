"""The hand-over kit: the files that the nodes have under /opt/handover."""

from hashlib import sha256

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.queries import read_query, refuse_query
from portal.api.schema import Doc, list_doc, reads
from portal.api.serializers.handover import ZIPPED, KitFileOut, KitQuery, ReportOut
from portal.api.views.tenant import TenantView
from portal.core.errors import NotFound, StateConflict
from portal.reservations.handover.kit import KIT, LASTING, ZIP, file_of, kit_of, kit_zip
from portal.reservations.handover.reading import handed_over
from portal.reservations.selectors import reservation_of
from portal.tenancy.roles import Verb

TAG = "Reservations"
KIT_TEXT = """
The files are computed from what is handed over now, so they also know servers that were added or replaced later.
The servers have them in `/opt/handover`, as they were at the hand-over; there `ssh_config`, `known_hosts`,
`machines.json` and `inventory.yml` name the addresses at which servers reach one another.

    curl "$URL/api/v1/reservations/$ID/handover?format=zip" -H "Authorization: Bearer $TOKEN" -o handover.zip
"""
FILE_TEXT = "\n".join(
    [
        "What `file` may be:",
        "",
        *(f"- `{name}`: {file.about} (`{file.media_type}`)" for name, file in KIT.items()),
        "",
        f"{' and '.join(f'`{name}`' for name in LASTING)} can be had when the reservation is over, too.",
    ]
)


class KitView(TenantView):
    """The whole kit."""

    @reads(
        list_doc(
            "get_handover",
            TAG,
            "List or download the hand-over kit",
            KitFileOut,
            KitQuery,
            KIT_TEXT,
            refuses=[NotFound, StateConflict],
            media=(ZIP,),
        )
    )
    def get(self, request: Request, reservation_id: str) -> Response | HttpResponse:
        """List the files, or give all of them."""
        scope = self.scope_for(Verb.VIEW)
        query = read_query(KitQuery, request)
        cluster = handed_over(reservation_of(scope, reservation_id))
        if query["format"] == ZIPPED:
            return HttpResponse(kit_zip(cluster), content_type=ZIP)
        files = [
            {
                "name": name,
                "about": KIT[name].about,
                "media_type": KIT[name].media_type,
                "size_bytes": len(content),
                "sha256": sha256(content).hexdigest(),
            }
            for name, content in kit_of(cluster).items()
        ]
        return Response({"data": files, "next_cursor": None})


class KitFileView(TenantView):
    """One file of the kit."""

    @reads(
        Doc(
            "get_handover_file",
            TAG,
            "Download one file of the hand-over kit",
            ReportOut,
            FILE_TEXT,
            refuses=[NotFound, StateConflict],
            media=tuple(sorted({file.media_type for file in KIT.values()} - {"application/json"})),
        )
    )
    def get(self, request: Request, reservation_id: str, file: str) -> HttpResponse:
        """Give one file."""
        scope = self.scope_for(Verb.VIEW)
        refuse_query(request)
        found = reservation_of(scope, reservation_id)
        if file not in KIT:
            raise NotFound(f"The kit has no such file. It has {', '.join(KIT)}.")
        return HttpResponse(file_of(found, file), content_type=KIT[file].media_type)
