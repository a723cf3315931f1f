"""Metered usage, and correcting it."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, Values, act_on
from portal.audit.staff.forms import Moment, ReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Meter, UsageRecord
from portal.billing.services.usage import correct_usage
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.reservations.models import Reservation

USAGE = (
    columns.column("Month", lambda row: f"{row.month:%Y-%m}", "month"),
    columns.link("reservation", "Reservation", "reservation__name"),
    columns.link("server", "Server", "server__name"),
    columns.column("Meter", lambda row: row.get_meter_display(), "meter"),
    columns.field("revision", "Revision"),
    columns.period("period", "Period"),
    columns.field("duration", "Length"),
    columns.field("reason", "Reason"),
)
MeterFilter = filters.choice("meter", "meter", lambda: list(Meter.choices))


@admin.register(UsageRecord)
class UsageRecordAdmin(RecordAdmin):
    """What one server of a reservation was used for in a month. A correction is a row of its own; the latest counts."""

    list_display = USAGE
    list_filter = (MeterFilter, ("organization", AutocompleteSelectFilter))
    list_select_related = ("reservation", "server")
    search_fields = ("reservation__name", "reservation__public_id", "server__name", "organization__name")
    search_help_text = "Reservation, server or organization"
    date_hierarchy = "month"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.link("organization", "Organization"),
                *USAGE,
                columns.field("recorded_by", "Recorded by"),
                columns.moment("recorded_at", "Recorded"),
            ),
        ),
    )


show_on(
    Reservation,
    Panel(
        "Finalised usage",
        UsageRecord,
        lambda reservation: reservation.usage.select_related("reservation", "server"),
        (USAGE[0], *USAGE[2:]),
    ),
)


class CorrectionForm(ReasonForm):
    """When it was really used; both empty: not at all."""

    start = Moment(required=False, label="From")
    end = Moment(required=False, label="To", help_text="Both empty: not at all.")
    field_order = ("start", "end", "reason")


def _correct(actor: Actor, row: UsageRecord, values: Values) -> UsageRecord:
    start, end = values["start"], values["end"]
    if (start is None) != (end is None):
        raise InvalidInput.of("end", "incomplete", "Give both, or neither.")
    if start is not None and start >= end:
        raise InvalidInput.of("end", "not_after_start", "Choose an end after the start.")
    period = Period(start, end) if start is not None else None
    return correct_usage(actor=actor, usage=row, period=period, reason=values["reason"])


act_on(
    UsageRecord,
    Act(
        name="correct",
        title="Correct",
        permission="billing.add_usagerecord",
        perform=_correct,
        form=CorrectionForm,
        fits=lambda row: row.meter == Meter.RESERVED,
        effects=(
            "The record stays; what is right is a row of its own with your reason.",
            "The next invoice charges or takes off the difference by itself.",
        ),
        done="The usage is corrected.",
        icon="edit_note",
        is_grave=True,
    ),
)
