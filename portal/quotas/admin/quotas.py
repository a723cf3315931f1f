"""Limits of organizations and of their projects."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.approvals.admin.shown import show_approvals_on
from portal.approvals.models import Approval
from portal.audit.staff import columns
from portal.audit.staff.acts import Act, On, Result, Values, act_on
from portal.audit.staff.forms import REASON_LENGTH, ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.fleet.models import Region, ServerType
from portal.quotas.intents import change_limit
from portal.quotas.models import Quota
from portal.quotas.services.limits import LARGEST_GPU_HOURS, LARGEST_LIMIT
from portal.tenancy.models import Organization, Project

ACT = "quotas.change_quota"
PROJECT = columns.column("Project", lambda row: columns.linked(row.project) or "whole organization", "project__name")
OF_WHAT = (
    columns.link("server_type", "Server type", "server_type__slug"),
    columns.link("region", "Region", "region__code"),
    PROJECT,
    columns.field("limit", "Servers at once"),
    columns.column(
        "GPU-hours a month",
        lambda row: "no limit" if row.gpu_hours_per_month is None else row.gpu_hours_per_month,
        "gpu_hours_per_month",
    ),
)


@admin.register(Quota)
class QuotaAdmin(RecordAdmin):
    """The most of a server type in a region that an organization, or a project of it, may hold."""

    list_display = (columns.field("public_id", "Id"), columns.link("organization", "Organization"), *OF_WHAT)
    list_filter = (
        ("organization", AutocompleteSelectFilter),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
        ("project", AutocompleteSelectFilter),
    )
    list_select_related = ("organization", "project", "server_type", "region")
    search_fields = ("organization__name", "project__name", "public_id")
    search_help_text = "Organization, project or id"
    facts = (("", (columns.link("organization", "Organization"), *OF_WHAT, columns.code("public_id", "Id"))),)


show_approvals_on(Quota)
show_on(
    Organization,
    Panel(
        "Quotas",
        Quota,
        lambda organization: organization.quotas.select_related("project", "server_type", "region").order_by(
            "server_type__slug", "region__code", "pk"
        ),
        (columns.me("Server type", "server_type__name"), *OF_WHAT[1:]),
        all_of="organization__id__exact",
    ),
)


class LimitForm(ActForm):
    """How much."""

    limit = forms.IntegerField(min_value=0, max_value=LARGEST_LIMIT, label="Servers at once")
    gpu_hours_per_month = forms.IntegerField(
        min_value=0,
        max_value=LARGEST_GPU_HOURS,
        required=False,
        label="GPU-hours a month",
        help_text="In a calendar month (UTC). Empty: no limit.",
    )


class ChangeForm(LimitForm):
    """How much, and why."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        required=False,
        label="Why",
        help_text="Needed where more is allowed than now: whoever decides reads it.",
    )


if TYPE_CHECKING:
    _ProjectChoice = forms.ModelChoiceField[Project]
else:
    _ProjectChoice = forms.ModelChoiceField


class OwnedProjects(_ProjectChoice):
    """Projects, each with the organization that it belongs to."""

    def label_from_instance(self, obj: Any) -> str:
        """Return both names."""
        return f"{obj.organization} / {obj}"


class QuotaForm(ChangeForm):
    """Who may hold how much of what; ``row`` is the organization, where one was chosen."""

    organization = forms.ModelChoiceField(Organization.objects.order_by("name"))
    project = OwnedProjects(
        Project.objects.select_related("organization").order_by("organization__name", "name"),
        required=False,
        empty_label="whole organization",
    )
    server_type = forms.ModelChoiceField(ServerType.objects.order_by("slug"))
    region = forms.ModelChoiceField(Region.objects.order_by("code"))
    field_order = ("organization", "project", "server_type", "region", "limit", "gpu_hours_per_month", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leave out the organization where one was chosen, and the projects of others."""
        super().__init__(*args, **kwargs)
        if self.row is not None:
            del self.fields["organization"]
            projects = cast(OwnedProjects, self.fields["project"])
            projects.queryset = Project.objects.select_related("organization").filter(organization=self.row)


def _set(actor: Actor, row: Organization | None, values: Values) -> Quota | Approval:
    return change_limit(actor=actor, **{"organization": row, **values})


def _change(actor: Actor, row: Quota, values: Values) -> Approval | None:
    made = change_limit(
        actor=actor,
        organization=row.organization,
        project=row.project,
        server_type=row.server_type,
        region=row.region,
        **values,
    )
    return made if isinstance(made, Approval) else None


def _done(result: Result) -> str:
    if isinstance(result, Approval):
        return "More than now takes a second person: it waits for a decision, and nothing is changed yet."
    return "The limit is set."


EFFECTS = (
    "It counts for new reservations. What is held already stays.",
    "A project's limit counts beside that of its organization; without one only the organization's counts.",
    "What allows less than now holds at once; what allows more waits until somebody else of the staff approves it.",
)
act_on(
    Quota,
    Act(
        name="set",
        title="Set quota",
        permission=ACT,
        on=On.LIST,
        perform=_set,
        form=QuotaForm,
        effects=EFFECTS,
        done=_done,
        icon="add",
    ),
    Act(
        name="change",
        title="Change limit",
        permission=ACT,
        on=On.ROWS,
        perform=_change,
        form=ChangeForm,
        initial=lambda row: {"limit": row.limit, "gpu_hours_per_month": row.gpu_hours_per_month},
        effects=EFFECTS,
        done=_done,
        icon="edit",
    ),
)
act_on(
    Organization,
    Act(
        name="quota",
        title="Set quota",
        permission=ACT,
        perform=_set,
        form=QuotaForm,
        effects=EFFECTS,
        done=_done,
        icon="speed",
    ),
)
