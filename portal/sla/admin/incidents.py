"""Incidents: opened, spoken about, resolved, explained."""

from django import forms
from django.contrib import admin

from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, On, Values, act_on
from portal.audit.staff.forms import ActForm, Moment
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.fleet.models import Region
from portal.sla.admin.fields import ServersField, text_field
from portal.sla.models import Incident, IncidentServer, IncidentUpdate
from portal.sla.models.incident import TEXT_LENGTH, TITLE_LENGTH, Impact
from portal.sla.services.incidents import explain_incident, open_incident, touch_servers, update_incident
from portal.sla.states import IncidentState

ACT = "sla.change_incident"
OPEN = (IncidentState.INVESTIGATING, IncidentState.IDENTIFIED, IncidentState.MONITORING)


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    """What went wrong."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        columns.field("title", "Title"),
        columns.link("region", "Region", "region__code"),
        columns.field("impact", "Impact"),
        columns.yes_or_no("is_public", "Public"),
        columns.moment("began_at", "Began"),
    )
    list_filter = (filters.StateFilter,)
    list_select_related = ("region",)
    search_fields = ("public_id", "title")
    search_help_text = "Id or title"
    ordering = ("-pk",)
    watch = (
        watch.in_state("Incidents without a cause", IncidentState.INVESTIGATING, "bad"),
        watch.in_state("Incidents being mended", IncidentState.IDENTIFIED, "warn"),
    )
    facts = (
        ("State", columns.life),
        (
            "What",
            (
                columns.field("title", "Title"),
                columns.link("region", "Region"),
                columns.field("impact", "Impact"),
                columns.yes_or_no("is_public", "On the public status page"),
                columns.moment("began_at", "Began"),
                columns.moment("resolved_at", "Resolved"),
                columns.field("root_cause", "Root cause"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    Incident,
    Panel(
        "Updates",
        IncidentUpdate,
        lambda row: row.updates.order_by("-pk"),
        (
            columns.moment("at", "When"),
            columns.column("State", lambda row: columns.state_label(row.state)),
            columns.field("text", "Text"),
            columns.field("author", "Who"),
        ),
    ),
    Panel(
        "Touched servers",
        IncidentServer,
        lambda row: row.touched.select_related("server").order_by("pk"),
        (columns.link("server", "Server"),),
    ),
)


class OpenForm(ActForm):
    """What is wrong."""

    title = forms.CharField(max_length=TITLE_LENGTH)
    text = text_field(max_length=TEXT_LENGTH, label="First words", help_text="Tenants and the status page show them.")
    impact = forms.ChoiceField(choices=Impact.choices)
    region = forms.ModelChoiceField(
        Region.objects.order_by("code"), required=False, empty_label="the portal itself", label="Region"
    )
    servers = ServersField(required=False, label="Touched servers")
    began_at = Moment(required=False, label="Began (UTC)", help_text="Empty: now.")
    is_public = forms.BooleanField(required=False, initial=True, label="Show on the public status page")


class UpdateForm(ActForm):
    """What there is to say."""

    text = text_field(max_length=TEXT_LENGTH)
    goes_to = forms.ChoiceField(
        choices=[("", "as it is"), *((name.value, name.value) for name in IncidentState)],
        required=False,
        label="State from now on",
    )


class ServersForm(ActForm):
    """Further servers."""

    servers = ServersField(label="Further touched servers")


class CauseForm(ActForm):
    """Why it happened."""

    root_cause = text_field(max_length=TEXT_LENGTH, help_text="It is written once; tenants read it.")


def _open(actor: Actor, _row: None, values: Values) -> Incident:
    return open_incident(actor=actor, **values)


def _update(actor: Actor, row: Incident, values: Values) -> None:
    update_incident(actor=actor, incident=row, text=values["text"], state=values["goes_to"])


def _touch(actor: Actor, row: Incident, values: Values) -> None:
    touch_servers(actor=actor, incident=row, servers=values["servers"])


def _explain(actor: Actor, row: Incident, values: Values) -> None:
    explain_incident(actor=actor, incident=row, root_cause=values["root_cause"])


def _is_open(row: Incident) -> bool:
    return row.state in OPEN


TOLD = "Tenants with a touched server read it by mail, and on their page."
act_on(
    Incident,
    Act(
        name="open",
        title="Open an incident",
        permission=ACT,
        on=On.LIST,
        perform=_open,
        form=OpenForm,
        effects=(TOLD,),
        done="The incident is open.",
        icon="add",
    ),
    Act(
        name="update",
        title="Say more",
        permission=ACT,
        perform=_update,
        form=UpdateForm,
        fits=_is_open,
        effects=(TOLD, "Resolved ends the incident."),
        done="{row} is updated.",
        icon="campaign",
    ),
    Act(
        name="touch",
        title="Add servers",
        permission=ACT,
        perform=_touch,
        form=ServersForm,
        fits=_is_open,
        effects=("Tenants that have them see the incident, and read what is said from now on.",),
        done="The servers are added to {row}.",
        icon="dns",
    ),
    Act(
        name="explain",
        title="Write the root cause",
        permission=ACT,
        perform=_explain,
        form=CauseForm,
        fits=lambda row: row.state == IncidentState.RESOLVED and not row.root_cause,
        effects=(TOLD,),
        done="The root cause of {row} is written.",
        icon="troubleshoot",
    ),
)
