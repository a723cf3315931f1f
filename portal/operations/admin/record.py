"""What customers were told, and which workers are alive."""

from datetime import timedelta

from django.contrib import admin
from django.utils.safestring import SafeString

from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core import clock
from portal.operations.event_types import EVENT_TYPES
from portal.operations.models import Operation, OperationEvent, WorkerPulse

ALIVE = timedelta(minutes=1)
"""A worker that was not seen for longer is shown as gone."""

EVENT = (
    columns.moment("created_at", "When"),
    columns.field("hostname", "Host name"),
    columns.field("message", "What the customer reads"),
    columns.field("actor_label", "Who"),
    columns.column("Took", lambda row: _took(row.duration_ms)),
)


def _took(milliseconds: int | None) -> str:
    return "" if milliseconds is None else columns.short(timedelta(milliseconds=milliseconds))


TypeFilter = filters.choice("type", "type", lambda: [(name, name) for name in EVENT_TYPES])


@admin.register(OperationEvent)
class OperationEventAdmin(RecordAdmin):
    """Something that a customer was told."""

    list_display = (EVENT[0], columns.target("subject", "On"), *EVENT[1:])
    list_filter = (TypeFilter,)
    search_fields = ("subject", "public_id", "hostname", "message", "type")
    search_help_text = "Reservation, host name, type or words"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.target("subject", "On"),
                columns.link("operation", "Operation"),
                columns.link("server", "Server"),
                columns.code("type", "Type"),
                *EVENT,
                columns.data("data", "Details"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    Operation,
    Panel(
        "Told to the customer",
        OperationEvent,
        lambda operation: operation.events.order_by("-pk"),
        EVENT,
        all_of="operation__id__exact",
    ),
)


def _alive(row: WorkerPulse) -> SafeString:
    is_alive = row.seen_at > clock.now() - ALIVE
    return columns.label("alive", "ok") if is_alive else columns.label("gone", "bad")


@admin.register(WorkerPulse)
class WorkerPulseAdmin(RecordAdmin):
    """When a worker process was last alive."""

    list_display = (
        columns.field("name", "Worker"),
        columns.field("queue", "Serves"),
        columns.column("Now", _alive),
        columns.moment("seen_at", "Last seen"),
    )
    search_fields = ("name",)
    ordering = ("-seen_at",)
    facts = (
        (
            "",
            (
                columns.field("name", "Worker"),
                columns.field("queue", "Serves"),
                columns.column("Now", _alive),
                columns.moment("seen_at", "Last seen"),
            ),
        ),
    )
