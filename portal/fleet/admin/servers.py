"""Servers with their parts, and what may be done to those nobody holds."""

from django.contrib import admin
from unfold.contrib.filters.admin import RelatedDropdownFilter

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, On, act_on, may_become
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.fleet import services
from portal.fleet.admin.erasures import ERASURE
from portal.fleet.models import NIC, Drive, Erasure, ErasureCertificate, Server
from portal.fleet.states import ServerState

ACT = "fleet.change_server"
PLACE = (
    columns.link("region", "Region", "region__code"),
    columns.link("fabric", "Fabric", "fabric__name"),
    columns.link("rack", "Rack", "rack__name"),
)


@admin.register(Server)
class ServerAdmin(RecordAdmin):
    """One machine."""

    list_display = (
        columns.field("name", "Name"),
        columns.state,
        columns.link("server_type", "Type", "server_type__slug"),
        *PLACE,
        columns.moment("state_changed_at", "Since"),
        columns.deadline,
    )
    list_filter = (
        filters.StateFilter,
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
        ("fabric", RelatedDropdownFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("server_type", "region", "fabric", "rack")
    search_fields = ("name", "serial", "public_id", "ssh_host", "rack__name", "bmc__address", "nics__mac")
    search_help_text = "Name, serial number, id, address, rack, BMC or MAC address"
    ordering = ("name",)
    watch = (
        watch.in_state("Servers in use", ServerState.IN_USE, "ok"),
        watch.in_state("Being imaged", ServerState.DEPLOYING),
        watch.in_state("Being erased", ServerState.RELEASING),
        watch.in_state("Quarantined", ServerState.QUARANTINED, "bad"),
        watch.in_state("In maintenance", ServerState.MAINTENANCE, "warn"),
        watch.overdue("Overdue servers"),
    )
    facts = (
        ("State", columns.life),
        (
            "Machine",
            (
                columns.link("server_type", "Type"),
                columns.code("serial", "Serial number"),
                columns.code("system_uuid", "System UUID"),
                columns.code("public_id", "Id"),
            ),
        ),
        (
            "Place and addresses",
            (
                *PLACE,
                columns.field("rack_unit", "Rack unit"),
                columns.code("bmc__address", "BMC"),
                columns.moment("bmc__password_changed_at", "BMC password changed"),
                columns.column("SSH", lambda row: columns.coded(f"{row.ssh_host}:{row.ssh_port}")),
            ),
        ),
    )


show_on(
    Server,
    Panel(
        "Network ports",
        NIC,
        lambda server: server.nics.order_by("pk"),
        (
            columns.code("mac", "MAC address"),
            columns.field("purpose", "Purpose"),
            columns.code("address", "Address it is given"),
        ),
    ),
    Panel(
        "Drives",
        Drive,
        lambda server: server.drives.order_by("pk"),
        (
            columns.code("serial", "Serial number"),
            columns.field("model", "Model"),
            columns.size("size_bytes", "Size"),
        ),
    ),
    Panel(
        "Proofs of erasure",
        Erasure,
        lambda server: server.erasures.order_by("-pk"),
        ERASURE,
        all_of="server__id__exact",
    ),
    Panel(
        "Certificates of erasure",
        ErasureCertificate,
        lambda server: server.certificates.order_by("-pk"),
        (
            columns.me("Id", "public_id"),
            columns.moment("created_at", "Issued"),
            columns.code("drive_serial", "Drive"),
            columns.target("subject", "Reservation"),
            columns.target("operation_id_text", "Operation"),
        ),
        all_of="server__id__exact",
    ),
)
act_on(
    Server,
    Act(
        name="quarantine",
        title="Quarantine",
        permission=ACT,
        on=On.ROWS,
        perform=lambda actor, row, values: services.quarantine(actor=actor, server=row, reason=values["reason"]),
        fits=may_become(ServerState.QUARANTINED),
        effects=(
            "The server leaves the pool at once and takes no new reservation.",
            "A tenant who has it keeps it until the reservation ends; then it is erased.",
            "It returns only by being erased anew, with proof for every drive.",
        ),
        done="{row} is quarantined.",
        icon="block",
    ),
    Act(
        name="maintenance",
        title="Begin maintenance",
        permission=ACT,
        on=On.ROWS,
        perform=lambda actor, row, values: services.begin_maintenance(actor=actor, server=row, reason=values["reason"]),
        fits=may_become(ServerState.MAINTENANCE),
        effects=(
            "The server leaves the pool and belongs to the technicians.",
            "It returns only by being erased anew, with proof for every drive; after a repair have it inspected first.",
        ),
        done="{row} is in maintenance.",
        icon="handyman",
    ),
    Act(
        name="retire",
        title="Retire",
        permission=ACT,
        on=On.ROWS,
        perform=lambda actor, row, values: services.retire(actor=actor, server=row, reason=values["reason"]),
        fits=may_become(ServerState.RETIRED),
        effects=("The server is taken out of service for good. This cannot be undone.",),
        done="{row} is retired.",
        icon="delete_forever",
        is_grave=True,
    ),
)
