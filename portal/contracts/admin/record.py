"""The list of contracts and the page of one, with the ways to writing it and to its papers."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.enums import ActionVariant

from portal.approvals.selectors import pending_approval
from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Table
from portal.audit.staff.watch import Watch, overdue
from portal.contracts.admin.editor import ADD, CHANGE, Editor
from portal.contracts.admin.money import MONEY, TOTAL
from portal.contracts.admin.papers import Papers
from portal.contracts.changes import diff
from portal.contracts.models import Contract, ContractLine, Signature
from portal.contracts.selectors import renewal_due
from portal.contracts.services.ending import EARLY_END
from portal.contracts.states import ContractState
from portal.contracts.templates import TEMPLATES

C = ContractState


def _signature(row: Contract) -> Any:
    signed = Signature.objects.select_related("user", "document").filter(contract=row).first()
    if signed is None:
        return ""
    how = "on paper" if signed.document_id else f"in the portal as {signed.user}, from {signed.ip}"
    return f"{signed}; {how}"


@admin.register(Contract)
class ContractAdmin(Editor, Papers, RecordAdmin):
    """What sales agreed. Drafts are written on a page of their own; everything else is an act."""

    list_display = (
        columns.column("Number", str, "serial"),
        columns.state,
        columns.field("title", "Title"),
        columns.link("organization", "Organization", "organization__name"),
        columns.period("term", "Term"),
        TOTAL,
        columns.moment("valid_until", "Offer until"),
        columns.field("author_label", "Author"),
    )
    list_filter = (
        filters.StateFilter,
        ("organization", AutocompleteSelectFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("organization",)
    search_fields = ("public_id", "title", "organization__name", "project__name", "po_number", "author_label", "serial")
    search_help_text = "Title, organization, project, PO number, author, id or the end of the number"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    watch = (
        Watch(
            "Contracts to activate",
            {"state": ContractState.COUNTERSIGNED},
            lambda: Q(state=ContractState.COUNTERSIGNED),
        ),
        overdue("Contracts that are overdue"),
        Watch("Contracts that should renew and do not", {"state": ContractState.ACTIVE}, renewal_due, "warn"),
        Watch("Contracts to be signed", {"state": ContractState.SENT}, lambda: Q(state=ContractState.SENT)),
    )
    facts = (
        (
            "State",
            (
                *columns.life,
                columns.moment("valid_until", "Offer until"),
                columns.moment("sent_at", "Sent"),
                columns.column("Signed by", _signature),
                columns.moment("activated_at", "Active since"),
                columns.moment("ends_early_at", "Ends early"),
                columns.field("early_end_reason", "Why early"),
                columns.link("amends", "Amends"),
                columns.link("renews", "Renews"),
            ),
        ),
        (
            "What",
            (
                columns.field("title", "Title"),
                columns.link("organization", "Organization"),
                columns.link("project", "Project"),
                columns.column("Form", lambda row: TEMPLATES[row.template].title),
                columns.period("term", "Term"),
                columns.column("Payment", lambda row: f"within {row.payment_days} days"),
                columns.field("po_number", "PO number"),
                columns.link("image", "OS image"),
                columns.field("author_label", "Author"),
                columns.moment("created_at", "Begun"),
                columns.code("public_id", "Id"),
            ),
        ),
        ("Money", MONEY),
        (
            "Clauses",
            (
                columns.column("At the end", lambda row: row.get_renewal_display()),
                columns.field("renewal_months", "Renewed by months"),
                columns.field("notice_days", "Notice in days"),
                columns.column("Early end", lambda row: f"{row.early_end_percent} % of what is not used"),
                columns.field("data_locations", "Data locations"),
                columns.field("subcontractors", "Subcontractors"),
                columns.yes_or_no("is_critical_function", "Critical function"),
                columns.yes_or_no("has_audit_right", "Audit right"),
                columns.field("incident_notice_hours", "Incident notice in hours"),
                columns.yes_or_no("has_incident_assistance", "Help in incidents"),
                columns.field("exit_days", "Exit in days"),
            ),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the lines along: the list shows what they come to."""
        lines = ContractLine.objects.select_related("server_type")
        return super().get_queryset(request).prefetch_related(Prefetch("lines", lines))

    def get_urls(self) -> list[URLPattern]:
        """Add the pages on which a contract is written, and its papers."""
        views = (
            ("new/", self.new_view, "new"),
            ("sums/", self.sums_view, "sums"),
            ("<str:object_id>/edit/", self.edit_view, "edit"),
            ("<int:pk>/preview.pdf", self.preview_view, "preview"),
            ("<int:pk>/document/<slug:kind>.pdf", self.document_view, "document"),
        )
        own = [
            path(route, self.admin_site.admin_view(view), name=f"contracts_contract_{name}")
            for route, view, name in views
        ]
        return [*own, *super().get_urls()]

    def buttons(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """Put the ways to writing and to the paper before the acts."""
        offered = super().buttons(request, row)
        may_write = request.user.has_perm(ADD) and request.user.has_perm(CHANGE)
        if row is None:
            first = [_button("New contract", "add", reverse("admin:contracts_contract_new"))] if may_write else []
            return [*first, *offered]
        first = [_button("PDF", "picture_as_pdf", reverse("admin:contracts_contract_preview", args=[row.pk]))]
        if may_write and row.state == C.DRAFT:
            first.insert(0, _button("Edit", "edit", reverse("admin:contracts_contract_edit", args=[row.pk])))
        return [*first, *offered]

    def note_on(self, request: HttpRequest, row: Any) -> str:
        """Say for whom an offer waits before it can be sent, and what a signed one waits for."""
        if row.state == C.QUOTED:
            waiting = row.approvals.filter(is_void=False, decided_at=None).order_by("pk")
            roles = " and the ".join(approval.role.replace("_", " ") for approval in waiting)
            return f"Waits for the {roles}; it can be sent when they agreed." if roles else ""
        if row.state == C.ACTIVE and pending_approval(EARLY_END, row.public_id):
            return "An early end waits for somebody else of the staff to agree, in the queue of approvals."
        return "The customer signed: activate it to reserve its servers." if row.state == C.COUNTERSIGNED else ""

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show first what a later version changes."""
        reply = super().render_change_form(request, context, *args, **kwargs)
        row = kwargs.get("obj")
        if row is not None and row.amends_id:
            rows = [(change.what, change.before, change.after) for change in diff(row.amends, row)]
            context["panels"].insert(
                0, Table(f"Changes since {row.amends}", ("What", "Before", "Now"), rows, len(rows), "")
            )
        return reply


def _button(title: str, icon: str, address: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "variant": ActionVariant.DEFAULT, "path": address, "attrs": {}}
