"""Operations, each server's part in them and its boots; and erasing a server anew."""

from collections.abc import Sequence

from django.contrib import admin
from django.db import models
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from portal.audit.models import AuditEvent
from portal.audit.services import target_of
from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, act_on, in_state, warn_before_acts_on
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.fleet.models import Server
from portal.operations.failures import FAILURES
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.selectors import open_part_of
from portal.operations.services.erasing import ERASED_ANEW_FROM, erase_anew
from portal.operations.services.inspecting import INSPECTED_FROM, inspect
from portal.operations.states import OperationState, PartState

SUMMARY = (
    columns.field("kind", "Kind"),
    columns.state,
    columns.target("subject", "For"),
    columns.link("project", "Project", "project__name"),
    columns.moment("created_at", "Asked for"),
    columns.deadline,
)


@admin.register(Operation)
class OperationAdmin(RecordAdmin):
    """An intent to do something to some servers."""

    list_display = (
        columns.field("public_id", "Operation"),
        *SUMMARY[:4],
        columns.field("part_count", "Servers"),
        *SUMMARY[4:],
    )
    list_filter = (filters.StateFilter, ("kind", ChoicesDropdownFilter), filters.OverdueFilter)
    list_select_related = ("project",)
    search_fields = ("public_id", "subject", "requested_by", "parts__hostname", "parts__server__name")
    search_help_text = "Id, what it is for, who asked, host name or server"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    counts = {"part_count": "parts"}
    watch = (
        watch.in_state("Running operations", OperationState.RUNNING),
        watch.in_state("Waiting for a worker", OperationState.QUEUED),
        watch.overdue("Overdue operations"),
    )
    facts = (
        ("State", columns.life),
        (
            "Order",
            (
                columns.field("kind", "Kind"),
                columns.target("subject", "For"),
                columns.link("project", "Project"),
                columns.field("requested_by", "Asked for by"),
                columns.moment("created_at", "Asked for"),
                columns.moment("not_before", "Not before"),
                columns.link("image", "OS image"),
                columns.column("SSH keys", lambda row: len(row.ssh_keys)),
                columns.column("User data", lambda row: columns.bytes_text(len(row.user_data.encode()))),
                columns.code("public_id", "Id"),
            ),
        ),
        (
            "Claim",
            (
                columns.code("claimed_by", "Held by"),
                columns.moment("claim_expires_at", "Held until"),
                columns.field("epoch", "Epoch"),
                columns.field("attempts", "Workers lost"),
                columns.moment("finished_at", "Finished"),
            ),
        ),
    )

    def trail_of(self, row: Operation) -> models.QuerySet[AuditEvent]:
        """Return what the record tells of the operation and of its parts."""
        return AuditEvent.objects.filter(target__in=[row.public_id, *(target_of(part) for part in row.parts.all())])


PROGRESS = (
    columns.state,
    columns.field("stage", "Stage"),
    columns.column("Done", lambda row: f"{row.percent} %", "percent"),
    columns.field("step_attempts", "Attempts"),
    columns.code("error_code", "Error"),
    columns.deadline,
)
ErrorFilter = filters.choice("error_code", "error", lambda: [(code, code) for code in FAILURES])


@admin.register(OperationServer)
class OperationServerAdmin(RecordAdmin):
    """One server's part in an operation."""

    list_display = (
        columns.field("hostname", "Host name"),
        columns.link("server", "Server", "server__name"),
        columns.link("operation", "Operation"),
        columns.field("operation__kind", "Kind"),
        *PROGRESS,
    )
    list_filter = (filters.StateFilter, ErrorFilter, ("operation__kind", ChoicesDropdownFilter), filters.OverdueFilter)
    list_select_related = ("server", "operation")
    search_fields = ("hostname", "server__name", "operation__public_id", "operation__subject")
    search_help_text = "Host name, server, operation or what it is for"
    ordering = ("-pk",)
    watch = (watch.in_state("Servers waited for", PartState.AWAITING),)
    facts = (
        (
            "",
            (
                *columns.life,
                columns.link("operation", "Operation"),
                columns.link("server", "Server"),
                columns.field("hostname", "Host name"),
                *PROGRESS[1:-1],
                columns.field("step", "Step"),
                columns.moment("step_started_at", "Step began"),
                columns.data("host_keys", "SSH host keys"),
            ),
        ),
    )


def _outcome(boot: BootToken) -> str:
    if boot.reported_at is None:
        return ""
    return "done" if boot.result.get("ok") else str(boot.result.get("error", "failed"))


BOOT = (
    columns.field("purpose", "Boot"),
    columns.moment("expires_at", "Valid until"),
    columns.moment("opened_at", "Asked for its job"),
    columns.moment("reported_at", "Reported"),
    columns.column("Outcome", _outcome),
    columns.moment("revoked_at", "Ended"),
)
show_on(
    Operation,
    Panel(
        "Servers",
        OperationServer,
        lambda operation: operation.parts.select_related("server").order_by("position"),
        (columns.me("Host name", "hostname"), columns.link("server", "Server"), *PROGRESS),
        all_of="operation__id__exact",
    ),
    Panel(
        "Boots",
        BootToken,
        lambda operation: BootToken.objects.filter(part__operation=operation).select_related("part").order_by("-pk"),
        (columns.field("part__hostname", "Host name"), *BOOT),
    ),
)
show_on(
    OperationServer,
    Panel("Boots", BootToken, lambda part: part.boots.order_by("-pk"), BOOT),
)
show_on(
    Server,
    Panel(
        "Operations",
        OperationServer,
        lambda server: server.parts.select_related("operation").order_by("-pk"),
        (columns.link("operation", "Operation"), columns.field("operation__kind", "Kind"), *PROGRESS),
        all_of="server__id__exact",
    ),
)


def _in_work(server: Server) -> Sequence[str]:
    part = open_part_of(server.pk)
    return [f"It is being worked on by {part.operation} ({part.operation.kind})."] if part else []


warn_before_acts_on(Server, _in_work)
act_on(
    Server,
    Act(
        name="inspect",
        title="Inspect",
        permission="fleet.change_server",
        perform=lambda actor, row, values: inspect(actor=actor, server=row, reason=values["reason"]),
        fits=in_state(*INSPECTED_FROM),
        effects=(
            "The server is switched off and started into a system that lists its hardware; its BMC is checked too.",
            "When all is as bought it is erased; only that brings it into the pool. Otherwise it says what differs.",
        ),
        done="{row} is being inspected.",
        icon="troubleshoot",
    ),
    Act(
        name="erase",
        title="Erase anew",
        permission="fleet.change_server",
        perform=lambda actor, row, values: erase_anew(actor=actor, server=row, reason=values["reason"]),
        fits=in_state(*ERASED_ANEW_FROM),
        effects=(
            "The server is switched off, its drives are overwritten and read back.",
            "It returns to the pool only with proof for every drive; otherwise it is quarantined.",
        ),
        done="{row} is being erased.",
        icon="cleaning_services",
    ),
)
