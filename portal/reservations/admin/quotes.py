"""Quotes: prices that are kept, and capacity that is held for them."""

from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, act_on, in_state
from portal.audit.staff.forms import TenantReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.audit.staff.watch import Watch
from portal.reservations.admin.prices import PRICE
from portal.reservations.models import Quote, WaitlistEntry
from portal.reservations.services.quotes import give_up
from portal.reservations.states import QuoteState
from portal.tenancy.models import Organization

WHAT = (
    columns.field("count", "Servers"),
    columns.link("server_type", "Type", "server_type__slug"),
    columns.link("region", "Region", "region__code"),
    columns.period("period", "Period"),
    columns.column("Price", lambda row: row.total, "price"),
    columns.yes_or_no("is_hold", "Hold"),
)
BECAME = columns.column(
    "Reservation", lambda row: columns.linked(row.reservation, row.reservation and row.reservation.name), "reservation"
)


def _held_now() -> Q:
    return Q(is_hold=True, state=QuoteState.OPEN)


HOLDS = {
    "now": ("held now", _held_now),
    "offer": ("held now for the waiting list", lambda: Q(_held_now(), waitlist_entry__isnull=False)),
    "never": ("never held", lambda: Q(is_hold=False)),
}


@admin.register(Quote)
class QuoteAdmin(RecordAdmin):
    """A price that is kept for a while, and with a hold the capacity too."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        columns.link("organization", "Organization", "organization__name"),
        *WHAT,
        columns.deadline,
        BECAME,
    )
    list_filter = (
        filters.StateFilter,
        filters.answers("hold", "capacity", HOLDS),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
        ("organization", AutocompleteSelectFilter),
        ("project", AutocompleteSelectFilter),
        filters.OverdueFilter,
    )
    list_select_related = ("organization", "server_type", "region", "reservation")
    search_fields = ("public_id", "organization__name", "project__name", "requested_by", "reservation__name")
    search_help_text = "Id, organization, project, who asked or reservation"
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    watch = (Watch("Holds now", {"hold": "now"}, _held_now),)
    facts = (
        ("State", (*columns.life, columns.moment("expires_at", "Keeps until"), BECAME)),
        (
            "What",
            (
                columns.link("organization", "Organization"),
                columns.link("project", "Project"),
                *WHAT[:4],
                columns.column("Placement", lambda row: row.get_placement_display()),
                columns.link("fabric", "Fabric asked for"),
                WHAT[-1],
                columns.link("waitlist_entry", "Offered to"),
            ),
        ),
        ("Price", PRICE),
        (
            "Dates",
            (
                columns.field("requested_by", "Asked by"),
                columns.moment("created_at", "Quoted"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


QUOTE = (columns.me("Quote"), columns.state, *WHAT, columns.deadline, BECAME)
show_on(
    Organization,
    Panel(
        "Quotes",
        Quote,
        lambda organization: organization.quotes.select_related("server_type", "region", "reservation").order_by("-pk"),
        QUOTE,
        all_of="organization__id__exact",
    ),
)
show_on(
    WaitlistEntry,
    Panel(
        "Offers",
        Quote,
        lambda entry: entry.offers.select_related("server_type", "region", "reservation").order_by("-pk"),
        QUOTE,
    ),
)
act_on(
    Quote,
    Act(
        name="withdraw",
        title="Withdraw",
        permission="reservations.change_quote",
        on=On.ROWS,
        perform=lambda actor, row, values: give_up(actor=actor, quote=row, reason=values["reason"]),
        form=TenantReasonForm,
        fits=in_state(QuoteState.OPEN),
        effects=(
            "The price is no longer kept. Capacity that is held for it is free for others at once.",
            "An offer to somebody who waits counts as let go: the entry goes to the end of the queue, or ends.",
        ),
        done="{row} is withdrawn.",
        icon="event_busy",
        is_grave=True,
    ),
)
