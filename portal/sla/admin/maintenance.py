"""Announced maintenance: announced, moved, called off."""

from typing import Any

from django import forms
from django.contrib import admin

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, Values, act_on, in_state
from portal.audit.staff.forms import ActForm, Moment, TenantReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.core.periods import Period
from portal.fleet.models import Region
from portal.sla.admin.fields import ServersField, text_field
from portal.sla.models import MaintenanceServer, MaintenanceWindow
from portal.sla.models.incident import TEXT_LENGTH, TITLE_LENGTH
from portal.sla.services.maintenance import announce_maintenance, cancel_maintenance, move_maintenance
from portal.sla.states import MaintenanceState

ACT = "sla.change_maintenancewindow"


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(RecordAdmin):
    """Work on servers that tenants know of ahead."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        columns.field("title", "Title"),
        columns.link("region", "Region", "region__code"),
        columns.period("period", "When"),
        columns.moment("announced_at", "Announced"),
    )
    list_filter = (filters.StateFilter,)
    list_select_related = ("region",)
    search_fields = ("public_id", "title")
    search_help_text = "Id or title"
    ordering = ("-pk",)
    facts = (
        ("State", columns.life),
        (
            "What",
            (
                columns.field("title", "Title"),
                columns.field("text", "Text"),
                columns.link("region", "Region"),
                columns.period("period", "When"),
                columns.moment("announced_at", "Announced, or moved last"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    MaintenanceWindow,
    Panel(
        "Servers",
        MaintenanceServer,
        lambda row: row.turns.select_related("server").order_by("pk"),
        (
            columns.link("server", "Server"),
            columns.period("period", "Its turn"),
            columns.moment("deferred_at", "Put off"),
            columns.field("deferred_by", "By"),
        ),
    ),
)


class PeriodForm(ActForm):
    """From when to when."""

    starts_at = Moment(label="Start (UTC)")
    ends_at = Moment(label="End (UTC)")

    def clean(self) -> dict[str, Any]:
        """Put both into a period, on which the service's refusals are shown at the start."""
        values = super().clean() or {}
        start, end = values.get("starts_at"), values.get("ends_at")
        if start is not None and end is not None:
            if end <= start:
                raise forms.ValidationError({"ends_at": "Choose an end after the start."})
            values["period"] = Period(start, end)
        return values


class AnnounceForm(PeriodForm):
    """What is done, where and when."""

    title = forms.CharField(max_length=TITLE_LENGTH)
    text = text_field(max_length=TEXT_LENGTH, required=False)
    region = forms.ModelChoiceField(Region.objects.order_by("code"))
    servers = ServersField()
    field_order = ("title", "text", "region", "servers", "starts_at", "ends_at")


class CancelForm(TenantReasonForm):
    """Why it is called off."""

    read_on = "the mail about it"


def _announce(actor: Actor, _row: None, values: Values) -> MaintenanceWindow:
    wanted = {name: values[name] for name in ("title", "text", "region", "servers", "period")}
    return announce_maintenance(actor=actor, **wanted)


def _move(actor: Actor, row: MaintenanceWindow, values: Values) -> None:
    move_maintenance(actor=actor, window=row, period=values["period"])


def _cancel(actor: Actor, row: MaintenanceWindow, values: Values) -> None:
    cancel_maintenance(actor=actor, window=row, reason=values["reason"])


TOLD = "Tenants that have one of the servers read it by mail."
act_on(
    MaintenanceWindow,
    Act(
        name="announce",
        title="Announce maintenance",
        permission=ACT,
        on=On.LIST,
        perform=_announce,
        form=AnnounceForm,
        effects=(TOLD, "It is left out of the SLA where its notice and the quarter's allowance are kept."),
        done="The maintenance is announced.",
        icon="add",
    ),
    Act(
        name="move",
        title="Move",
        permission=ACT,
        perform=_move,
        form=PeriodForm,
        fits=in_state(MaintenanceState.ANNOUNCED),
        initial=lambda row: {"starts_at": row.span.start, "ends_at": row.span.end},
        effects=(TOLD, "The notice counts from now on. What a tenant put off stays as the tenant chose."),
        done="{row} is moved.",
        icon="update",
    ),
    Act(
        name="cancel",
        title="Call off",
        permission=ACT,
        perform=_cancel,
        form=CancelForm,
        fits=in_state(MaintenanceState.ANNOUNCED),
        effects=(TOLD, "Nothing is left out of the SLA for it."),
        done="{row} is called off.",
        icon="event_busy",
        is_grave=True,
    ),
)
