"""The waiting list in the order of its queues."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, On, Values, act_on, in_state
from portal.audit.staff.forms import TenantReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.core.money import Money
from portal.reservations.models import WaitlistEntry
from portal.reservations.selectors import with_place
from portal.reservations.services.behalf import leave_queue
from portal.reservations.states import OPEN_WISH, WaitlistState
from portal.tenancy.models import Organization

IS_OVER = Case(When(state__in=OPEN_WISH, then=Value(0)), default=Value(1), output_field=IntegerField())


def _window(row: WaitlistEntry) -> SafeString:
    span = '<span class="staff-range">{} <br>to {}</span>'
    return format_html(span, columns.instant(row.earliest), columns.instant(row.latest))


WISH = (
    columns.field("count", "Servers"),
    columns.link("server_type", "Type", "server_type__slug"),
    columns.link("region", "Region", "region__code"),
    columns.column("For", lambda row: columns.short(row.duration), "duration"),
    columns.column("To begin", _window, "earliest"),
    columns.column(
        "At most", lambda row: Money(row.ceiling, row.currency) if row.ceiling is not None else "", "ceiling"
    ),
)


PLACE = columns.column("Place", lambda row: row.place, "place")


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(RecordAdmin):
    """A wish for servers that were not free, flexible in time."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        PLACE,
        columns.link("organization", "Organization", "organization__name"),
        *WISH,
        columns.moment("queued_at", "In the queue since"),
        columns.field("missed_offers", "Offers let go"),
        columns.field("obstacle", "In its way"),
    )
    list_filter = (
        filters.StateFilter,
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
        ("organization", AutocompleteSelectFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("organization", "server_type", "region")
    search_fields = ("public_id", "organization__name", "project__name", "requested_by")
    search_help_text = "Id, organization, project or who asked"
    ordering = (IS_OVER.asc(), F("server_type").asc(), F("region").asc(), "queued_at", "pk")
    watch = (
        watch.in_state("Waiting", WaitlistState.WAITING),
        watch.in_state("Offers out", WaitlistState.OFFERED, "warn"),
    )
    facts = (
        (
            "State",
            (
                *columns.life,
                PLACE,
                columns.moment("queued_at", "In the queue since"),
                columns.field("missed_offers", "Offers let go"),
                columns.field("obstacle", "In its way"),
            ),
        ),
        (
            "What",
            (
                columns.link("organization", "Organization"),
                columns.link("project", "Project"),
                *WISH,
                columns.column("Placement", lambda row: row.get_placement_display()),
            ),
        ),
        (
            "Dates",
            (
                columns.field("requested_by", "Asked by"),
                columns.moment("created_at", "Joined"),
                columns.code("public_id", "Id"),
            ),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Work out the places along, in the same query."""
        return with_place(super().get_queryset(request))


show_on(
    Organization,
    Panel(
        "Waiting list",
        WaitlistEntry,
        lambda organization: with_place(organization.waitlist_entries.select_related("server_type", "region")).order_by(
            IS_OVER, "queued_at", "pk"
        ),
        (columns.me("Entry"), columns.state, PLACE, *WISH),
        all_of="organization__id__exact",
    ),
)


def _withdraw(actor: Actor, row: WaitlistEntry, values: Values) -> None:
    leave_queue(actor=actor, entry=row, reason=values["reason"])


act_on(
    WaitlistEntry,
    Act(
        name="withdraw",
        title="Withdraw",
        permission="reservations.change_waitlistentry",
        on=On.ROWS,
        perform=_withdraw,
        form=TenantReasonForm,
        fits=in_state(*OPEN_WISH),
        effects=(
            "The customer waits no longer; its place is lost.",
            "An offer that is out is given up, and its capacity goes to whoever is next.",
        ),
        done="{row} is withdrawn.",
        icon="event_busy",
        is_grave=True,
    ),
)
