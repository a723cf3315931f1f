"""What was measured, and what is credited for it: to be read."""

from django.contrib import admin

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.reservations.models import Reservation
from portal.sla.crediting import Reason
from portal.sla.models import Outage, ServerMonth, SlaCredit
from portal.sla.states import CreditState

MONTH = columns.column("Month", lambda row: f"{row.month:%Y-%m}", "month")
MEASURED = (
    columns.link("server", "Server", "server__name"),
    MONTH,
    columns.column("Available", lambda row: f"{row.availability:.3f} %", "availability"),
    columns.field("down_seconds", "Down (s)"),
    columns.field("degraded_seconds", "Degraded (s)"),
    columns.field("unknown_seconds", "Not known (s)"),
)
CREDITED = (
    columns.state,
    columns.link("server", "Server", "server__name"),
    MONTH,
    columns.field("reason", "Reason"),
    columns.column("Percent", lambda row: f"{row.percent.normalize():f} %", "percent"),
    columns.column("Amount", lambda row: row.money, "amount"),
)


@admin.register(ServerMonth)
class ServerMonthAdmin(RecordAdmin):
    """The availability of a server of a reservation in a month."""

    list_display = (columns.link("reservation", "Reservation", "reservation__name"), *MEASURED)
    list_select_related = ("reservation", "server")
    search_fields = ("reservation__public_id", "reservation__name", "server__name")
    search_help_text = "Reservation or server"
    date_hierarchy = "month"
    ordering = ("-month", "-pk")
    facts = (
        (
            "",
            (
                columns.link("reservation", "Reservation"),
                *MEASURED,
                columns.field("measured_seconds", "Measured (s)"),
                columns.field("maintenance_seconds", "Maintenance, not measured (s)"),
                columns.field("tenant_seconds", "By the tenant, not measured (s)"),
                columns.link("tier", "Promise"),
                columns.field("definition", "Version of what counts as down"),
                columns.moment("measured_at", "Measured"),
            ),
        ),
    )


show_on(
    ServerMonth,
    Panel(
        "Outages",
        Outage,
        lambda row: row.outages.order_by("since"),
        (
            columns.moment("since", "Since"),
            columns.moment("until", "Until"),
            columns.field("condition", "Condition"),
            columns.column("What failed", lambda row: ", ".join(row.kinds)),
            columns.field("excluded", "Left out for"),
            columns.target("proof", "Proof"),
        ),
    ),
)


@admin.register(SlaCredit)
class SlaCreditAdmin(RecordAdmin):
    """What is given back for a promise that was missed."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.link("organization", "Organization", "organization__name"),
        columns.link("reservation", "Reservation", "reservation__name"),
        *CREDITED,
    )
    list_filter = (
        filters.StateFilter,
        filters.choice("reason", "reason", lambda: [(reason.value, reason.value) for reason in Reason]),
    )
    list_select_related = ("organization", "reservation", "server")
    search_fields = ("public_id", "organization__name", "reservation__public_id", "reservation__name")
    search_help_text = "Id, organization or reservation"
    date_hierarchy = "month"
    ordering = ("-month", "-pk")
    watch = (watch.in_state("Credits for the next invoices", CreditState.DUE),)
    facts = (
        ("State", columns.life),
        (
            "What",
            (
                columns.link("organization", "Organization"),
                columns.link("reservation", "Reservation"),
                *CREDITED[1:],
                columns.link("tier", "Promise"),
                columns.field("definition", "Version of what counts as down"),
                columns.data("arithmetic", "Arithmetic"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    Reservation,
    Panel(
        "Credits",
        SlaCredit,
        lambda row: row.sla_credits.select_related("server").order_by("-month", "-pk"),
        (columns.me("Credit"), *CREDITED),
    ),
)
