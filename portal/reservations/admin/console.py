"""What a server writes on its serial console while a customer holds it, on the server's page for those who drive it."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.audit.staff import columns
from portal.audit.staff.panels import Panel, show_on
from portal.fleet.models import Server
from portal.reservations.console import without_colours
from portal.reservations.models import ConsoleChunk
from portal.reservations.states import AllocationState


def _output(row: ConsoleChunk) -> SafeString:
    return format_html('<pre class="staff-json">{}</pre>', without_colours(row.text))


show_on(
    Server,
    Panel(
        "Serial console",
        ConsoleChunk,
        lambda server: ConsoleChunk.objects.filter(
            allocation__server=server, allocation__state=AllocationState.SERVING
        ).order_by("-pk"),
        (
            columns.moment("created_at", "Read"),
            columns.column("Output", _output),
        ),
    ),
)
