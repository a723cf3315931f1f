"""The log of what was asked for, and the demand that was not met."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on_first_page
from portal.audit.staff.watch import Watch
from portal.core import clock
from portal.core.money import Money
from portal.fleet.models import Region, ServerType
from portal.reservations.models import Enquiry

RECENT = timedelta(days=7)
UNMET = (Enquiry.Outcome.NO_FIT, Enquiry.Outcome.REFUSED)
TONES = {Enquiry.Outcome.NO_FIT: "bad", Enquiry.Outcome.REFUSED: "bad", Enquiry.Outcome.MADE: "ok"}


def unmet_lately() -> Q:
    """Return the condition that something was asked for in the last 7 days and not got."""
    return Q(outcome__in=UNMET, at__gte=clock.now() - RECENT)


UNMET_ANSWERS = {
    "week": ("in the last 7 days", unmet_lately),
    "ever": ("ever", lambda: Q(outcome__in=UNMET)),
}
DEMAND = (
    columns.field("count", "Servers"),
    columns.field("server_type", "Type"),
    columns.field("region", "Region"),
)


def _outcome(row: Enquiry) -> SafeString:
    return columns.label(row.get_outcome_display(), TONES.get(Enquiry.Outcome(row.outcome), ""))


OUTCOME = columns.column("Outcome", _outcome, "outcome")
WHEN = columns.moment("at", "When")
KIND = columns.column("Asked", lambda row: row.get_kind_display(), "kind")


@admin.register(Enquiry)
class EnquiryAdmin(RecordAdmin):
    """One question or wish, and what became of it."""

    list_display = (
        WHEN,
        KIND,
        OUTCOME,
        columns.code("reason", "Why not"),
        columns.target("organization", "Organization"),
        *DEMAND,
        columns.field("free", "Free then"),
        columns.moment("starts_at", "From"),
        columns.moment("ends_at", "To"),
        columns.field("channel", "Through"),
    )
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        filters.answers("unmet", "unmet demand", UNMET_ANSWERS),
        filters.choice(
            "server_type", "server type", lambda: [(kind.slug, str(kind)) for kind in ServerType.objects.all()]
        ),
        filters.choice(
            "region", "region", lambda: [(region.code, str(region)) for region in Region.objects.order_by("code")]
        ),
        filters.choice("channel", "way", lambda: [(name, name) for name in ("web", "api", "staff", "system")]),
    )
    search_fields = ("organization", "project", "subject", "reason", "server_type", "region")
    search_help_text = (
        "Public id of an organization, a project or of what came of it; code of a refusal, type or region"
    )
    date_hierarchy = "at"
    ordering = ("-pk",)
    watch = (Watch("Unmet in 7 days", {"unmet": "week"}, unmet_lately, "warn"),)
    facts = (
        (
            "What became of it",
            (
                WHEN,
                KIND,
                OUTCOME,
                columns.code("reason", "Why not"),
                columns.field("free", "Most servers that fitted"),
                columns.target("subject", "What came of it"),
                columns.column(
                    "Price",
                    lambda row: Money(row.price, row.currency) if row.price is not None and row.currency else "",
                ),
            ),
        ),
        (
            "What was asked for",
            (
                *DEMAND,
                columns.moment("starts_at", "From"),
                columns.moment("ends_at", "To"),
                columns.field("placement", "Placement"),
            ),
        ),
        (
            "By whom",
            (
                columns.target("organization", "Organization"),
                columns.target("project", "Project"),
                columns.field("channel", "Through"),
            ),
        ),
    )


def _unmet(_row: Any) -> QuerySet[Any, Any]:
    """Return what was not met lately by type and region, what most customers missed first."""
    asked = Enquiry.objects.filter(unmet_lately()).order_by().values("server_type", "region")
    return asked.annotate(
        enquiries=Count("pk"), customers=Count("organization", distinct=True), most=Max("count"), fitted=Max("free")
    ).order_by("-customers", "-enquiries", "server_type", "region")


def _enquiries(group: Mapping[str, Any]) -> SafeString:
    parameters = {"unmet": "week", "server_type": group["server_type"], "region": group["region"]}
    address = f"{reverse('admin:reservations_enquiry_changelist')}?{urlencode(parameters)}"
    return format_html('<a class="staff-link" href="{}">{}</a>', address, group["enquiries"])


show_on_first_page(
    Panel(
        "Unmet demand of the last 7 days",
        Enquiry,
        _unmet,
        (
            columns.column("Type", lambda group: group["server_type"]),
            columns.column("Region", lambda group: group["region"]),
            columns.column("Enquiries", _enquiries),
            columns.column("Customers", lambda group: group["customers"]),
            columns.column("Most servers asked for", lambda group: group["most"]),
            columns.column("Most that fitted then", lambda group: group["fitted"]),
        ),
    ),
)
