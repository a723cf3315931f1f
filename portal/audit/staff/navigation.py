"""The way through the staff pages: one table for the sidebar, the first page and its order."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from portal.audit.models import AuditEvent
from portal.audit.staff.columns import heading_of
from portal.audit.staff.pages import TRAIL_WITH_TARGET, RecordAdmin
from portal.audit.staff.panels import may_view, tables_of_first_page

NAVIGATION: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Decisions", (("approvals.approval", "Approvals", "how_to_reg"),)),
    ("Sales", (("contracts.contract", "Contracts", "contract"),)),
    (
        "Reservations",
        (
            ("reservations.reservation", "Reservations", "event_available"),
            ("reservations.allocation", "Allocations", "view_timeline"),
            ("reservations.quote", "Quotes", "request_quote"),
            ("reservations.waitlistentry", "Waiting list", "hourglass_top"),
            ("reservations.enquiry", "Enquiries", "manage_search"),
            ("reservations.pool", "Pools", "workspaces"),
        ),
    ),
    (
        "Promises",
        (
            ("sla.incident", "Incidents", "emergency"),
            ("sla.maintenancewindow", "Maintenance", "event_repeat"),
            ("sla.servermonth", "Measured months", "query_stats"),
            ("sla.slacredit", "Credits", "redeem"),
            ("sla.evidence", "Evidence", "sensors"),
            ("sla.errorbudget", "Error budgets", "local_fire_department"),
        ),
    ),
    (
        "Tenants",
        (
            ("tenancy.organization", "Organizations", "apartment"),
            ("tenancy.project", "Projects", "folder"),
            ("tenancy.membership", "Members", "group"),
            ("tenancy.user", "Accounts", "person"),
            ("quotas.quota", "Quotas", "speed"),
            ("quotas.quotarequest", "Quota requests", "rule"),
            ("quotas.budget", "Budgets", "savings"),
            ("tenancy.apitoken", "API tokens", "token"),
            ("tenancy.sshkey", "SSH keys", "vpn_key"),
            ("webhooks.endpoint", "Webhooks", "webhook"),
            ("webhooks.message", "Webhook messages", "outbox"),
        ),
    ),
    (
        "Billing",
        (
            ("billing.invoice", "Invoices", "receipt_long"),
            ("billing.payment", "Payments", "payments"),
            ("billing.creditnote", "Credit notes", "assignment_return"),
            ("billing.creditgrant", "Credits", "redeem"),
            ("billing.usagerecord", "Usage", "timer"),
            ("billing.billingprofile", "Billing of customers", "badge"),
            ("billing.account", "Accounts", "account_balance"),
            ("billing.entry", "Ledger", "menu_book"),
        ),
    ),
    (
        "Catalogue",
        (
            ("fleet.servertype", "Server types", "memory"),
            ("catalog.osimage", "OS images", "album"),
            ("catalog.imageimport", "Imports of own images", "download"),
            ("catalog.pricebook", "Price books", "sell"),
            ("catalog.slatier", "Service levels", "verified_user"),
            ("catalog.supporttier", "Support", "support_agent"),
        ),
    ),
    (
        "Fleet",
        (
            ("fleet.server", "Servers", "dns"),
            ("fleet.rack", "Racks", "shelves"),
            ("fleet.fabric", "Fabrics", "hub"),
            ("fleet.network", "Networks", "lan"),
            ("fleet.switch", "Switches", "settings_ethernet"),
            ("fleet.switchport", "Switch ports", "cable"),
            ("fleet.region", "Regions", "public"),
        ),
    ),
    (
        "Work",
        (
            ("operations.operation", "Operations", "build"),
            ("operations.operationserver", "Servers at work", "checklist"),
            ("operations.workerpulse", "Workers", "monitor_heart"),
        ),
    ),
    (
        "Record",
        (
            ("audit.auditevent", "Audit record", "history"),
            ("operations.operationevent", "Told to customers", "chat"),
            ("fleet.erasure", "Proofs of erasure", "cleaning_services"),
            ("fleet.erasurecertificate", "Certificates of erasure", "verified"),
            ("fleet.certificatekey", "Keys of certificates", "key"),
        ),
    ),
)
"""Groups of pages: model, title, icon."""

BOARDS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Reservations": (("reservations_board", "reservations.pool", "Capacity board", "calendar_view_week"),),
}
"""Pages that are no lists, by group: name of the address, model that one must be allowed to look at, title, icon."""


def _list_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar: the pages that the person may look at."""
    groups = [{"title": "", "items": [{"title": "Overview", "icon": "home", "link": reverse("admin:index")}]}]
    on_board = request.path in {reverse(f"admin:{entry[0]}") for entries in BOARDS.values() for entry in entries}
    for title, entries in NAVIGATION:
        boards = [(reverse(f"admin:{address}"), *rest) for address, *rest in BOARDS.get(title, ())]
        lists = [(_list_of(label), label, name, icon) for label, name, icon in entries]
        items = [
            # The address of a board begins like that of a list: the theme would mark both as the page that is open.
            {"title": name, "icon": icon, "link": link}
            | ({"active": link == request.path} if on_board else {})
            | _badge(request, label, link)
            for link, label, name, icon in [*boards, *lists]
            if may_view(request, apps.get_model(label))
        ]
        if items:
            groups.append({"title": title, "items": items})
    return groups


def _badge(request: HttpRequest, label: str, link: str) -> dict[str, Any]:
    page = admin.site._registry.get(apps.get_model(label))
    # A board has the label of a list, but not its number.
    if not isinstance(page, RecordAdmin) or link != _list_of(label):
        return {}
    count = page.badge(request)
    return {"badge": count, "badge_variant": "primary"} if count else {}


@dataclass(frozen=True)
class Tile:
    """A number on the first page that leads to the rows that it counts."""

    title: str
    count: int
    address: str
    tone: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Put the numbers and the newest lines of the record onto the first page."""
    groups = [(title, _tiles(request, [label for label, _, _ in entries])) for title, entries in NAVIGATION]
    newest = AuditEvent.objects.all()[:10] if may_view(request, AuditEvent) else []
    return {
        **context,
        "title": "Overview",
        "groups": [(title, tiles) for title, tiles in groups if tiles],
        "panels": tables_of_first_page(request),
        "headers": [heading_of(column) for column in TRAIL_WITH_TARGET],
        "newest": [[column(event) for column in TRAIL_WITH_TARGET] for event in newest],
    }


def _tiles(request: HttpRequest, labels: list[str]) -> list[Tile]:
    tiles = []
    for model in map(apps.get_model, labels):
        page = admin.site._registry.get(model)
        if not isinstance(page, RecordAdmin) or not may_view(request, model):
            continue
        counted = {f"count_{at}": Count("pk", filter=watch.rows()) for at, watch in enumerate(page.watch)}
        counts = page.watched(request).aggregate(**counted) if counted else {}
        for watch, count in zip(page.watch, counts.values(), strict=True):
            address = f"{_list_of(model._meta.label_lower)}?{urlencode(watch.parameters)}"
            tiles.append(Tile(watch.title, count, address, watch.tone if count else ""))
    return tiles
