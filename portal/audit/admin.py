"""Staff's view of the record, and the way from a public id to the page of what it names."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from portal.audit.models import AuditEvent
from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import may_view
from portal.core.actors import ActorKind

AREAS = (
    "acceptance",
    "allocation",
    "api_token",
    "approval",
    "billing",
    "boot",
    "budget",
    "contract",
    "credit",
    "credit_note",
    "error_budget",
    "evidence",
    "fabric",
    "image",
    "image_import",
    "incident",
    "invoice",
    "ledger",
    "maintenance",
    "member",
    "operation",
    "operation_server",
    "organization",
    "payment",
    "pool",
    "price_book",
    "project",
    "quota",
    "quota_request",
    "quote",
    "reservation",
    "server",
    "server_type",
    "sla_credit",
    "sla_tier",
    "ssh_key",
    "support_tier",
    "switch",
    "usage",
    "user",
    "waitlist_entry",
    "webhook",
    "webhook_endpoint",
)
"""First words of verbs: what the record tells of."""


class AreaFilter(filters.DropdownFilter):
    """By what was changed."""

    title = "area"
    parameter_name = "area"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the areas."""
        return [(area, area.replace("_", " ")) for area in AREAS]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Keep the verbs of the chosen area."""
        return queryset.filter(verb__startswith=f"{self.value()}.") if self.value() else queryset


ActorKindFilter = filters.choice("actor_kind", "kind of doer", lambda: [(kind, kind.value) for kind in ActorKind])


@admin.register(AuditEvent)
class AuditEventAdmin(RecordAdmin):
    """The record: who did what to what."""

    list_display = (
        columns.moment("at", "When"),
        columns.field("actor_label", "Who"),
        columns.field("verb", "What"),
        columns.target("target", "On"),
        columns.target("scope", "Organization"),
    )
    list_filter = (AreaFilter, ActorKindFilter)
    search_fields = ("verb", "target", "scope", "actor_label", "actor_id", "request_id")
    search_help_text = "Verb, public id, e-mail address, token or request id"
    date_hierarchy = "at"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.moment("at", "When"),
                columns.field("actor_label", "Who"),
                columns.field("actor_kind", "Kind of doer"),
                columns.target("actor_id", "Id of doer"),
                columns.field("verb", "What"),
                columns.target("target", "On"),
                columns.target("scope", "Organization"),
                columns.code("request_id", "Request"),
                columns.data("data", "Details"),
            ),
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the way from a public id to the page of what it names."""
        return [path("of/<str:name>/", self.admin_site.admin_view(self.goto), name="staff_goto"), *super().get_urls()]

    def goto(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        """Lead to what a public id, or model and key, names."""
        row = self._named(request, name)
        if row is not None:
            return redirect(columns.page_of(row))
        messages.warning(request, f"There is nothing to see for {name}: it is gone, or your role may not look at it.")
        return redirect(reverse("admin:index"))

    def _named(self, request: HttpRequest, name: str) -> models.Model | None:
        if not columns.NAMES_A_ROW.match(name):
            return None
        for model in self.admin_site._registry:
            meta = model._meta
            lookup: dict[str, Any] = {}
            if getattr(model, "ID_PREFIX", "") == name.partition("_")[0]:
                lookup = {"public_id": name}
            elif ":" in name and name.partition(":")[0] == meta.label_lower:
                lookup = {"pk": name.partition(":")[2][:18]}
            if lookup and may_view(request, model):
                return model._default_manager.filter(**lookup).first()
        return None
