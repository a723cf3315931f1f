"""Reservations."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.pages import RecordAdmin
from portal.reservations.admin.behind import FabricFilter, WeekFilter
from portal.reservations.admin.prices import FEES, PRICE
from portal.reservations.models import Reservation
from portal.reservations.states import ReservationState

PERIOD = columns.period("period", "Period")


def _held_until(row: Reservation) -> Any:
    return columns.instant(row.state_deadline_at) if row.state == ReservationState.HELD else ""


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
        FabricFilter,
        WeekFilter,
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
                columns.column("Held until", _held_until),
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
        ("Price", (*PRICE, *FEES, columns.link("quote", "Quote"))),
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
