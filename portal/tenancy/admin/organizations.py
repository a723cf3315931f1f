"""Organizations and their projects."""

from django import forms
from django.contrib import admin
from django.db import models
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.models import AuditEvent
from portal.audit.services import target_of
from portal.audit.staff import columns
from portal.audit.staff.acts import Act, On, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.money import MINOR_UNITS, Money
from portal.tenancy.models import NAME_LENGTH, Membership, Organization, Project
from portal.tenancy.services import LARGEST_LIMIT, create_organization, create_project, set_approval_limit

CREATED = columns.moment("created_at", "Since")


def _limit(row: Organization) -> str:
    return "none" if row.approval_limit is None else str(Money(row.approval_limit, row.currency))


@admin.register(Organization)
class OrganizationAdmin(RecordAdmin):
    """A customer."""

    list_display = (
        columns.field("name", "Name"),
        columns.field("currency", "Currency"),
        columns.field("project_count", "Projects"),
        columns.field("member_count", "Members"),
        CREATED,
    )
    list_filter = ("currency",)
    search_fields = ("name", "public_id", "memberships__user__email")
    search_help_text = "Name, id, or e-mail address of a member"
    ordering = ("name",)
    counts = {"project_count": "projects", "member_count": "memberships"}
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.field("currency", "Currency"),
                columns.column("Approval limit", _limit),
                CREATED,
                columns.code("public_id", "Id"),
            ),
        ),
    )

    def trail_of(self, row: Organization) -> models.QuerySet[AuditEvent]:
        """Return what the record tells of the organization and of what belongs to it."""
        return AuditEvent.objects.filter(models.Q(target=target_of(row)) | models.Q(scope=row.public_id))


@admin.register(Project)
class ProjectAdmin(RecordAdmin):
    """Where the work of an organization is kept apart."""

    list_display = (
        columns.field("name", "Name"),
        columns.link("organization", "Organization", "organization__name"),
        CREATED,
        columns.code("public_id", "Id"),
    )
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "public_id", "organization__name")
    search_help_text = "Name, id or organization"
    ordering = ("organization__name", "name")
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.link("organization", "Organization"),
                CREATED,
                columns.code("public_id", "Id"),
            ),
        ),
    )


MEMBER = (
    columns.me("Member", "user__email"),
    columns.field("role", "Role"),
    CREATED,
)
show_on(
    Organization,
    Panel(
        "Projects",
        Project,
        lambda organization: organization.projects.order_by("name"),
        (columns.me("Name"), CREATED, columns.code("public_id", "Id")),
        all_of="organization__id__exact",
    ),
    Panel(
        "Members",
        Membership,
        lambda organization: organization.memberships.select_related("user", "organization").order_by("user__email"),
        MEMBER,
        all_of="organization__id__exact",
    ),
)


class OrganizationForm(ActForm):
    """A new customer."""

    name = forms.CharField(max_length=NAME_LENGTH)
    currency = forms.ChoiceField(
        choices=[(code, code) for code in sorted(MINOR_UNITS)],
        initial="USD",
        help_text="In which it pays. It needs a price book in this currency, and cannot be changed.",
    )


class ApprovalLimitForm(ActForm):
    """What one person may commit to."""

    limit = forms.DecimalField(
        min_value=0,
        max_value=LARGEST_LIMIT,
        decimal_places=2,
        required=False,
        label="Approval limit",
        help_text="In total for one reservation, in the organization's currency. Empty: no limit.",
    )


class ProjectForm(ActForm):
    """A new project."""

    name = forms.CharField(max_length=NAME_LENGTH)


act_on(
    Organization,
    Act(
        name="new",
        title="New organization",
        permission="tenancy.add_organization",
        on=On.LIST,
        perform=lambda actor, _row, values: create_organization(actor=actor, **values),
        form=OrganizationForm,
        effects=("It can reserve nothing until it has a project, an owner and quotas.",),
        done="{row} is a customer now.",
        icon="add",
    ),
    Act(
        name="project",
        title="New project",
        permission="tenancy.add_project",
        perform=lambda actor, row, values: create_project(actor=actor, organization=row, **values),
        form=ProjectForm,
        effects=("Every member of the organization has the same role in each of its projects.",),
        done="{row} has a new project.",
        icon="create_new_folder",
    ),
    Act(
        name="approval",
        title="Set approval limit",
        permission="tenancy.change_organization",
        perform=lambda actor, row, values: set_approval_limit(actor=actor, organization=row, **values),
        form=ApprovalLimitForm,
        initial=lambda row: {"limit": row.approval_limit},
        effects=(
            "Whoever is neither owner nor admin cannot reserve, hold or extend for more than this at once.",
            "It holds for API tokens too. What is reserved already stays.",
        ),
        done="The approval limit of {row} is set.",
        icon="price_check",
    ),
)
