"""What hangs together with a contract: its lines, decisions, documents and reservations; and contracts elsewhere."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html

from portal.audit.staff import columns
from portal.audit.staff.panels import Panel, show_on
from portal.catalog.terms import written
from portal.contracts.admin.money import TOTAL
from portal.contracts.continuing import goes_on
from portal.contracts.lights import lights_of_lines
from portal.contracts.models import (
    Contract,
    ContractApproval,
    ContractHold,
    ContractLine,
    ContractReservation,
    Document,
)
from portal.contracts.states import ContractState
from portal.contracts.wishes import LineWish
from portal.reservations.models import Reservation
from portal.reservations.states import QuoteState
from portal.tenancy.models import Organization


def _light(line: ContractLine) -> Any:
    """Return the capacity light of a line that is not reserved yet."""
    if line.contract.state not in (ContractState.DRAFT, ContractState.QUOTED, ContractState.APPROVED):
        return ""
    held = set(ContractHold.objects.filter(line=line, quote__state=QuoteState.OPEN).values_list("line", flat=True))
    kept = {line.pk} if goes_on(line.contract, LineWish.of(line, origin=line.origin)) and not held else set()
    (light,) = lights_of_lines([line], kept, held)
    tone = {"free": "ok", "held": "busy", "short": "bad"}.get(light.colour, "")
    return columns.label(light.text, tone)


def _hold_until(line: ContractLine) -> Any:
    hold = ContractHold.objects.select_related("quote").filter(line=line).first()
    return columns.instant(hold.quote.expires_at) if hold and hold.quote.state == QuoteState.OPEN else ""


def _download(document: Document) -> Any:
    address = reverse("admin:contracts_contract_document", args=[document.contract_id, document.kind])
    return format_html('<a class="staff-link" href="{}">{}</a>', address, document.name)


show_on(
    Contract,
    Panel(
        "Lines",
        Contract,
        lambda contract: contract.lines.select_related(
            "server_type", "region", "sla_tier", "contract", "origin"
        ).order_by("position"),
        (
            columns.column("Line", lambda row: row.position + 1),
            columns.field("count", "Servers"),
            columns.link("server_type", "Type"),
            columns.link("region", "Region"),
            columns.period("period", "Period"),
            columns.column("Capacity", _light),
            columns.column("Total", lambda row: row.money.total),
            columns.column("Per GPU-hour", lambda row: written(row.unit_price)),
            columns.column("Discount", lambda row: f"{written(row.discount)} %"),
            columns.column("List", lambda row: written(row.list_price)),
            columns.column("Floor", lambda row: written(row.floor_price)),
            columns.column("SLA", lambda row: row.sla_tier),
            columns.column("Held until", _hold_until),
            columns.field("below_floor_reason", "Why below floor"),
        ),
    ),
    Panel(
        "Who must agree",
        Contract,
        lambda contract: ContractApproval.objects.select_related("decided_by").filter(contract=contract).order_by("pk"),
        (
            columns.column("Role", lambda row: row.role.replace("_", " ")),
            columns.target("approval", "Approval"),
            columns.column("Why", lambda row: " ".join(row.reasons)),
            columns.field("decided_by", "Agreed"),
            columns.moment("decided_at", "When"),
            columns.field("comment", "Comment"),
            columns.yes_or_no("is_void", "Void"),
        ),
    ),
    Panel(
        "Reserved",
        Reservation,
        lambda contract: (
            ContractReservation.objects.select_related("line", "reservation__server_type", "reservation__region")
            .filter(line__contract=contract)
            .order_by("line__position")
        ),
        (
            columns.column("Line", lambda row: row.line.position + 1),
            columns.column("Reservation", lambda row: columns.linked(row.reservation, row.reservation.name)),
            columns.column("State", lambda row: columns.state_label(row.reservation.state)),
            columns.field("reservation__count", "Servers"),
            columns.period("reservation__period", "Period"),
            columns.column("Price", lambda row: row.reservation.total),
        ),
    ),
    Panel(
        "Documents",
        Contract,
        lambda contract: contract.documents.defer("content").order_by("pk"),
        (
            columns.column("Document", _download),
            columns.column("Kind", lambda row: row.get_kind_display()),
            columns.code("sha256", "SHA-256"),
            columns.moment("created_at", "Kept"),
        ),
    ),
    Panel(
        "Versions and renewals",
        Contract,
        lambda contract: (
            Contract.objects.filter(year=contract.year, serial=contract.serial).exclude(pk=contract.pk)
            | Contract.objects.filter(renews=contract)
        ).order_by("pk"),
        (columns.me("Contract"), columns.state, columns.field("title", "Title"), columns.period("term", "Term")),
    ),
)
CONTRACT = (
    columns.me("Contract"),
    columns.state,
    columns.field("title", "Title"),
    columns.period("term", "Term"),
    TOTAL,
)
show_on(
    Organization,
    Panel(
        "Contracts",
        Contract,
        lambda organization: organization.contracts.order_by("-pk"),
        CONTRACT,
        all_of="organization__id__exact",
    ),
)
show_on(
    Reservation,
    Panel(
        "Contract",
        Contract,
        lambda reservation: Contract.objects.filter(lines__fulfilment__reservation=reservation).order_by("-pk"),
        CONTRACT[:-1],
    ),
)
