"""Webhooks that customers have set. They are theirs: staff only looks, and never at a secret or a payload."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.wording import tone_of
from portal.webhooks.models import Attempt, Endpoint, Message

PROJECT = columns.link("project", "Project", "project__name")
ORGANIZATION = columns.link("project__organization", "Organization", "project__organization__name")
TOLD = (
    columns.field("type", "Type"),
    columns.column("Delivery", lambda row: columns.label(row.standing, tone_of(row.standing))),
    columns.field("tries", "Tries"),
    columns.moment("next_try_at", "Next try"),
    columns.moment("created_at", "Since"),
)


@admin.register(Endpoint)
class EndpointAdmin(RecordAdmin):
    """An address that a project has events posted to."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        PROJECT,
        ORGANIZATION,
        columns.code("url", "Address"),
        columns.moment("created_at", "Since"),
    )
    list_filter = (("state", ChoicesDropdownFilter), ("project", AutocompleteSelectFilter))
    list_select_related = ("project__organization",)
    search_fields = ("public_id", "url", "project__name", "project__organization__name")
    search_help_text = "Id, address, project or organization"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.state,
                columns.field("state_reason", "Reason"),
                columns.code("url", "Address"),
                columns.column("Events", lambda row: ", ".join(row.event_types)),
                PROJECT,
                ORGANIZATION,
                columns.moment("former_until", "Former secret signs until"),
                columns.moment("created_at", "Since"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(Message)
class MessageAdmin(RecordAdmin):
    """Something that an endpoint is told."""

    list_display = (columns.field("public_id", "Id"), columns.link("endpoint", "Webhook", "endpoint__public_id"), *TOLD)
    list_filter = (("endpoint", AutocompleteSelectFilter),)
    list_select_related = ("endpoint",)
    search_fields = ("public_id", "type", "endpoint__public_id", "endpoint__url")
    search_help_text = "Id, type, webhook or address"
    ordering = ("-pk",)
    facts = (("", (columns.link("endpoint", "Webhook"), *TOLD, columns.code("public_id", "Id"))),)


show_on(
    Endpoint,
    Panel(
        "Messages",
        Message,
        lambda endpoint: endpoint.messages.order_by("-pk"),
        (columns.me("Id"), *TOLD),
        all_of="endpoint__id__exact",
    ),
)
show_on(
    Message,
    Panel(
        "Tries",
        Attempt,
        lambda message: message.attempts.order_by("-pk"),
        (
            columns.moment("at", "At"),
            columns.column("Result", lambda row: str(row), "status"),
            columns.field("duration_ms", "Milliseconds"),
            columns.field("answer", "Answer"),
        ),
    ),
)
