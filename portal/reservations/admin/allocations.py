"""Allocations: which server is whose when."""

from django.contrib import admin
from unfold.contrib.filters.admin import RelatedDropdownFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.reservations.models import Allocation


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
                columns.period("occupied", "Occupied, with preparation and turnover"),
                columns.period("turnover", "Of that turnover"),
                columns.moment("ready_at", "Handed over"),
                columns.field("ssh_user", "SSH user"),
                columns.data("host_keys", "SSH host keys"),
                columns.moment("rescue_since", "In the rescue system since"),
                columns.data("rescue_host_keys", "SSH host keys of the rescue system"),
                columns.code("public_id", "Id"),
            ),
        ),
    )
