"""Reservations and their allocations."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.pages import RecordAdmin
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import ReservationState

PERIOD = columns.period("period", "Period")


@admin.register(Reservation)
class ReservationAdmin(RecordAdmin):
    """A number of servers of one type in one region for one period."""

    list_display = (
        columns.field("name", "Name"),
        columns.state,
        columns.link("organization", "Organization", "organization__name"),
        columns.field("count", "Servers"),
        columns.link("server_type", "Type", "server_type__slug"),
        columns.link("region", "Region", "region__code"),
        PERIOD,
        columns.column("Price", lambda row: row.total, "price"),
        columns.deadline,
    )
    list_filter = (
        filters.StateFilter,
        filters.period("period"),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
        ("organization", AutocompleteSelectFilter),
        ("project", AutocompleteSelectFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("organization", "server_type", "region")
    search_fields = (
        "name",
        "public_id",
        "organization__name",
        "project__name",
        "requested_by",
        "allocations__hostname",
        "allocations__server__name",
    )
    search_help_text = "Name, id, organization, project, who reserved, host name or server"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    watch = (
        watch.in_state("Active", ReservationState.ACTIVE, "ok"),
        watch.in_state("Provisioning", ReservationState.PROVISIONING),
        watch.in_state("Scheduled", ReservationState.SCHEDULED),
        watch.in_state("Ending", ReservationState.ENDING, "warn"),
        watch.overdue("Overdue reservations"),
    )
    facts = (
        (
            "State",
            (
                *columns.life,
                columns.yes_or_no("degraded", "Fewer servers than reserved"),
            ),
        ),
        (
            "What",
            (
                columns.link("organization", "Organization"),
                columns.link("project", "Project"),
                columns.field("count", "Servers"),
                columns.link("server_type", "Type"),
                columns.link("region", "Region"),
                columns.column("Placement", lambda row: row.get_placement_display()),
                PERIOD,
                columns.link("image", "OS image"),
                columns.column("SSH keys", lambda row: len(row.ssh_keys)),
                columns.column("User data", lambda row: columns.bytes_text(len(row.user_data.encode()))),
                columns.data("labels", "Labels"),
            ),
        ),
        (
            "Price",
            (
                columns.column("In all", lambda row: row.total),
                columns.column("Per GPU and hour", lambda row: f"{row.currency} {row.rate_per_gpu_hour.normalize():f}"),
            ),
        ),
        (
            "Dates",
            (
                columns.field("requested_by", "Reserved by"),
                columns.moment("created_at", "Reserved"),
                columns.moment("start_delayed_at", "Start delayed"),
                columns.moment("handed_over_at", "Handed over"),
                columns.moment("end_announced_at", "End announced"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(Allocation)
class AllocationAdmin(RecordAdmin):
    """One server of a reservation."""

    list_display = (
        columns.field("hostname", "Host name"),
        columns.state,
        columns.column(
            "Reservation", lambda row: columns.linked(row.reservation, row.reservation.name), "reservation__name"
        ),
        columns.link("server", "Server", "server__name"),
        columns.period("occupied", "Occupied"),
        columns.moment("ready_at", "Handed over"),
    )
    list_filter = (
        filters.StateFilter,
        filters.period("occupied", "occupied"),
        ("server__server_type", RelatedDropdownFilter),
        ("server__region", RelatedDropdownFilter),
    )
    list_select_related = ("reservation", "server")
    search_fields = ("hostname", "public_id", "reservation__name", "reservation__public_id", "server__name")
    search_help_text = "Host name, reservation, server or id"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                *columns.life,
                columns.column("Reservation", lambda row: columns.linked(row.reservation, row.reservation.name)),
                columns.link("server", "Server"),
                columns.field("hostname", "Host name"),
                columns.period("occupied", "Occupied, with preparation and clean-up"),
                columns.moment("ready_at", "Handed over"),
                columns.field("ssh_user", "SSH user"),
                columns.data("host_keys", "SSH host keys"),
                columns.code("public_id", "Id"),
            ),
        ),
    )
