"""Staff's view of limits."""

from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, On, Values, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.fleet.models import Region, ServerType
from portal.quotas.models import Quota
from portal.quotas.services import LARGEST_LIMIT, set_quota
from portal.tenancy.models import Organization

ACT = "quotas.change_quota"
OF_WHAT = (
    columns.link("server_type", "Server type", "server_type__slug"),
    columns.link("region", "Region", "region__code"),
    columns.field("limit", "Servers at once"),
)


@admin.register(Quota)
class QuotaAdmin(RecordAdmin):
    """The most servers of a type in a region that an organization may hold at one instant."""

    list_display = (columns.field("public_id", "Id"), columns.link("organization", "Organization"), *OF_WHAT)
    list_filter = (
        ("organization", AutocompleteSelectFilter),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
    )
    list_select_related = ("organization", "server_type", "region")
    search_fields = ("organization__name", "public_id")
    search_help_text = "Organization or id"
    facts = (("", (columns.link("organization", "Organization"), *OF_WHAT, columns.code("public_id", "Id"))),)


show_on(
    Organization,
    Panel(
        "Quotas",
        Quota,
        lambda organization: organization.quotas.select_related("server_type", "region").order_by(
            "server_type__slug", "region__code"
        ),
        (columns.me("Server type", "server_type__name"), *OF_WHAT[1:]),
        all_of="organization__id__exact",
    ),
)


class LimitForm(ActForm):
    """How much."""

    limit = forms.IntegerField(min_value=0, max_value=LARGEST_LIMIT, label="Servers at once")


class QuotaForm(LimitForm):
    """Who may hold how much of what; ``row`` is the organization, where one was chosen."""

    organization = forms.ModelChoiceField(Organization.objects.order_by("name"))
    server_type = forms.ModelChoiceField(ServerType.objects.order_by("slug"))
    region = forms.ModelChoiceField(Region.objects.order_by("code"))
    field_order = ("organization", "server_type", "region", "limit")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leave out the organization where one was chosen."""
        super().__init__(*args, **kwargs)
        if self.row is not None:
            del self.fields["organization"]


def _set(actor: Actor, row: Organization | None, values: Values) -> Quota:
    return set_quota(actor=actor, **{"organization": row, **values})


def _change(actor: Actor, row: Quota, values: Values) -> None:
    set_quota(
        actor=actor,
        organization=row.organization,
        server_type=row.server_type,
        region=row.region,
        limit=values["limit"],
    )


EFFECTS = ("It counts for new reservations. What the organization holds already stays.",)
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
        done="The quota is set.",
        icon="add",
    ),
    Act(
        name="change",
        title="Change limit",
        permission=ACT,
        on=On.ROWS,
        perform=_change,
        form=LimitForm,
        initial=lambda row: {"limit": row.limit},
        effects=EFFECTS,
        done="The limit of {row} is changed.",
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
        done="The quota is set.",
        icon="speed",
    ),
)
