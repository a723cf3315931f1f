"""What was seen of servers, and corrections of it."""

from django import forms
from django.contrib import admin

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, Values, act_on
from portal.audit.staff.forms import REASON_LENGTH
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.fleet.models import Server
from portal.sla.admin.fields import ServersField, text_field
from portal.sla.admin.maintenance import PeriodForm
from portal.sla.definitions import Condition, Kind
from portal.sla.models import Evidence
from portal.sla.services.evidence import correct_evidence

ACT = "sla.change_evidence"
SEEN = (
    columns.field("kind", "Kind"),
    columns.field("value", "Value"),
    columns.moment("since", "Since"),
    columns.moment("until", "Until"),
    columns.field("source", "Source"),
    columns.field("note", "Note"),
)


@admin.register(Evidence)
class EvidenceAdmin(RecordAdmin):
    """Runs of equal samples."""

    list_display = (columns.link("server", "Server", "server__name"), *SEEN)
    list_filter = (
        filters.choice("kind", "kind", lambda: [(kind.value, kind.value) for kind in Kind]),
        filters.choice("value", "value", lambda: [(value.value, value.value) for value in Condition]),
    )
    list_select_related = ("server",)
    search_fields = ("server__name", "server__public_id")
    search_help_text = "Server"
    ordering = ("-pk",)
    facts = (("", (columns.link("server", "Server"), *SEEN, columns.moment("recorded_at", "Recorded"))),)


show_on(
    Server,
    Panel("What was seen of it", Evidence, lambda row: Evidence.objects.filter(server=row).order_by("-pk"), SEEN),
)


class CorrectForm(PeriodForm):
    """What a server really was."""

    servers = ServersField()
    kind = forms.ChoiceField(choices=[(kind.value, kind.value) for kind in Kind])
    value = forms.ChoiceField(choices=[(value.value, value.value) for value in Condition])
    reason = text_field(max_length=REASON_LENGTH, help_text="What it is known from. The tenant reads it.")
    field_order = ("servers", "kind", "value", "starts_at", "ends_at", "reason")


def _correct(actor: Actor, _row: None, values: Values) -> None:
    for server in values["servers"]:
        correct_evidence(
            actor=actor,
            server=server,
            kind=Kind(values["kind"]),
            value=Condition(values["value"]),
            period=values["period"],
            reason=values["reason"],
        )


act_on(
    Evidence,
    Act(
        name="correct",
        title="Correct the past",
        permission=ACT,
        on=On.LIST,
        perform=_correct,
        form=CorrectForm,
        effects=(
            "It counts over what was recorded before, which stays to be seen.",
            "A month that is measured already does not change by it.",
        ),
        done="The correction is recorded.",
        icon="edit_note",
    ),
)
