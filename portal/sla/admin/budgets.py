"""How much of each tier's error budget is left, and how fast it burns."""

from django.contrib import admin

from portal.audit.staff import columns
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on_first_page
from portal.sla.burning import Level
from portal.sla.models import ErrorBudget

TONES = {Level.QUIET.value: "ok", Level.TICKET.value: "warn", Level.PAGE.value: "bad"}
FIGURES = (
    columns.column("Level", lambda row: columns.label(row.level, TONES[row.level]), "level"),
    columns.column("Left of 30 days", lambda row: f"{row.left} %", "left"),
    columns.column("Burn, 1 h (14.4)", lambda row: f"{row.burn_hour} x", "burn_hour"),
    columns.column("Burn, 6 h (6)", lambda row: f"{row.burn_six_hours} x", "burn_six_hours"),
    columns.column("Burn, 3 d (1)", lambda row: f"{row.burn_three_days} x", "burn_three_days"),
)


@admin.register(ErrorBudget)
class ErrorBudgetAdmin(RecordAdmin):
    """The budget of a tier."""

    list_display = (columns.link("tier", "Tier", "tier__name"), *FIGURES, columns.moment("worked_out_at", "As of"))
    list_select_related = ("tier",)
    search_fields = ("tier__name", "tier__slug")
    search_help_text = "Tier"
    ordering = ("tier__name", "pk")
    facts = (
        (
            "",
            (
                columns.link("tier", "Tier"),
                *FIGURES,
                columns.moment("level_since", "On this level since"),
                columns.moment("worked_out_at", "As of"),
            ),
        ),
    )


show_on_first_page(
    Panel(
        "Error budgets",
        ErrorBudget,
        lambda _: ErrorBudget.objects.select_related("tier").order_by("tier__name", "pk"),
        (columns.me("Tier", "tier"), *FIGURES),
    )
)
