"""Requests for more quota: the queue, and its answers."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from portal.approvals.admin.shown import show_approvals_on
from portal.audit.staff import columns, filters, watch
from portal.audit.staff.acts import Act, Values, act_on, in_state, warn_before_acts_on
from portal.audit.staff.forms import REASON_LENGTH, ReasonForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.quotas.admin.quotas import LimitForm
from portal.quotas.intents import approve_request, decline_request
from portal.quotas.models import Quota, QuotaRequest, QuotaScope
from portal.quotas.selectors import limit_of
from portal.quotas.states import QuotaRequestState
from portal.tenancy.models import Organization

ACT = "quotas.decide_quota_increase"
WISH = (
    columns.link("server_type", "Server type", "server_type__slug"),
    columns.link("region", "Region", "region__code"),
    columns.field("limit", "Servers"),
    columns.column(
        "GPU-hours",
        lambda row: "as it was" if row.gpu_hours_per_month is None else row.gpu_hours_per_month,
        "gpu_hours_per_month",
    ),
)


def _present(row: QuotaRequest) -> Quota | None:
    """Return the limit that a request wants raised."""
    project = row.project if row.applies_to == QuotaScope.PROJECT else None
    return limit_of(row.organization, project, row.server_type, row.region).first()


@admin.register(QuotaRequest)
class QuotaRequestAdmin(RecordAdmin):
    """A project's wish for more."""

    list_display = (
        columns.field("public_id", "Id"),
        columns.state,
        columns.link("organization", "Organization", "organization__name"),
        columns.link("project", "Project", "project__name"),
        *WISH,
        columns.moment("created_at", "Asked"),
    )
    list_filter = (
        filters.StateFilter,
        ("organization", AutocompleteSelectFilter),
        ("server_type", RelatedDropdownFilter),
        ("region", RelatedDropdownFilter),
    )
    list_select_related = ("organization", "project", "server_type", "region")
    search_fields = ("public_id", "organization__name", "project__name", "requested_by", "reason")
    search_help_text = "Id, organization, project, who asked or why"
    ordering = ("-pk",)
    watch = (watch.in_state("Requests for quota", QuotaRequestState.PENDING, "warn"),)
    facts = (
        ("State", columns.life),
        (
            "What",
            (
                columns.link("organization", "Organization"),
                columns.link("project", "Project"),
                columns.column("For", lambda row: row.get_applies_to_display()),
                *WISH,
                columns.column("Allowed now", _present),
                columns.field("reason", "What for"),
                columns.field("requested_by", "Asked by"),
                columns.moment("created_at", "Asked"),
                columns.code("public_id", "Id"),
            ),
        ),
        (
            "Answer",
            (
                columns.field("granted_limit", "Servers granted"),
                columns.field("granted_gpu_hours_per_month", "GPU-hours a month granted"),
            ),
        ),
    )


show_approvals_on(QuotaRequest)
show_on(
    Organization,
    Panel(
        "Requests for quota",
        QuotaRequest,
        lambda organization: organization.quota_requests.select_related("server_type", "region").order_by("-pk"),
        (columns.me("Request"), columns.state, *WISH),
        all_of="organization__id__exact",
    ),
)


class ApproveForm(LimitForm):
    """What is granted, which may be another number than was asked for."""

    reason = forms.CharField(
        max_length=REASON_LENGTH, required=False, label="Note", help_text="The customer reads it with the answer."
    )


class DeclineForm(ReasonForm):
    """Why not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Say who reads it."""
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = "The customer reads it; the record keeps it with your name."


def _approve(actor: Actor, row: QuotaRequest, values: Values) -> None:
    approve_request(actor=actor, request=row, **values)


def _decline(actor: Actor, row: QuotaRequest, values: Values) -> None:
    decline_request(actor=actor, request=row, reason=values["reason"])


def _compared(row: QuotaRequest) -> Sequence[str]:
    """Return what is asked for beside what is allowed now."""
    present = _present(row)
    asked = _amount(row.limit, row.gpu_hours_per_month, "hours as they are")
    now = _amount(present.limit, present.gpu_hours_per_month, "no limit on hours") if present else "nothing"
    return [f"{row.organization}, {row.project}: {row.server_type} in {row.region}. Asked: {asked}. Now: {now}."]


def _amount(servers: int, gpu_hours: int | None, without: str) -> str:
    return f"{servers} servers, {without if gpu_hours is None else f'{gpu_hours} GPU-hours a month'}"


def _wanted(row: QuotaRequest) -> dict[str, Any]:
    present = _present(row)
    as_now = present.gpu_hours_per_month if present else None
    hours = as_now if row.gpu_hours_per_month is None else row.gpu_hours_per_month
    return {"limit": row.limit, "gpu_hours_per_month": hours}


warn_before_acts_on(QuotaRequest, _compared)
act_on(
    QuotaRequest,
    Act(
        name="approve",
        title="Approve",
        permission=ACT,
        perform=_approve,
        form=ApproveForm,
        fits=in_state(QuotaRequestState.PENDING),
        initial=_wanted,
        effects=("The limit is set to these numbers at once.", "The project's people read the answer by mail."),
        done="{row} is approved.",
        icon="check",
    ),
    Act(
        name="decline",
        title="Decline",
        permission=ACT,
        perform=_decline,
        form=DeclineForm,
        fits=in_state(QuotaRequestState.PENDING),
        effects=("The limit stays as it is.", "The project's people read the answer by mail."),
        done="{row} is declined.",
        icon="close",
    ),
)
