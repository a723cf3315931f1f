"""Budgets that customers have set. They are theirs: staff only looks."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.quotas.models import Budget, BudgetWarning

OF_WHAT = (
    columns.column("Project", lambda row: columns.linked(row.project) or "whole organization", "project__name"),
    columns.column("A month", lambda row: row.value, "amount"),
    columns.column("Warns at", lambda row: ", ".join(f"{percent} %" for percent in row.warn_at)),
    columns.column("Beyond it", lambda row: "is refused" if row.stops else "only warned of", "stops"),
)


@admin.register(Budget)
class BudgetAdmin(RecordAdmin):
    """What an organization, or a project of it, means to spend in a calendar month."""

    list_display = (columns.field("public_id", "Id"), columns.link("organization", "Organization"), *OF_WHAT)
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "project")
    search_fields = ("organization__name", "project__name", "public_id")
    search_help_text = "Organization, project or id"
    facts = (("", (columns.link("organization", "Organization"), *OF_WHAT, columns.code("public_id", "Id"))),)


show_on(
    Budget,
    Panel(
        "Warnings",
        BudgetWarning,
        lambda budget: budget.warnings.order_by("-pk"),
        (
            columns.column("Month", lambda row: f"{row.month:%Y-%m}"),
            columns.column("At", lambda row: f"{row.percent} % of {row.amount:,}"),
            columns.moment("sent_at", "Sent"),
        ),
    ),
)
