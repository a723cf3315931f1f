"""Members of organizations, and accounts of tenants and staff."""

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, Secret, Values, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.tenancy.models import NAME_LENGTH, Membership, Organization, User
from portal.tenancy.roles import CHOICES, Role
from portal.tenancy.services import change_role, invite_member, remove_member
from portal.tenancy.staff import StaffRole, role_of, set_new_password, set_staff_role

# Groups hold what the table of staff roles says; editing them by hand would part the two.
admin.site.unregister(Group)

CREATED = columns.moment("created_at", "Since")
NOBODY = "none"


@admin.register(Membership)
class MembershipAdmin(RecordAdmin):
    """A person's role in an organization."""

    list_display = (
        columns.field("user__email", "Account"),
        columns.link("organization", "Organization", "organization__name"),
        columns.field("role", "Role"),
        CREATED,
    )
    list_filter = (("organization", AutocompleteSelectFilter), ("role", ChoicesDropdownFilter))
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__name", "organization__name", "public_id")
    search_help_text = "E-mail address, name or organization"
    ordering = ("organization__name", "user__email")
    facts = (
        (
            "",
            (
                columns.link("user", "Account"),
                columns.link("organization", "Organization"),
                columns.field("role", "Role"),
                CREATED,
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(User)
class UserAdmin(RecordAdmin):
    """A person, of a tenant or of the staff."""

    list_display = (
        columns.field("email", "E-mail address"),
        columns.field("name", "Name"),
        columns.yes_or_no("is_staff", "Staff"),
        columns.yes_or_no("is_active", "Active"),
        columns.moment("last_login", "Last login"),
    )
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name", "public_id")
    search_help_text = "E-mail address, name or id"
    ordering = ("email",)
    facts = (
        (
            "",
            (
                columns.field("email", "E-mail address"),
                columns.field("name", "Name"),
                columns.yes_or_no("is_active", "Active"),
                columns.column("Password", lambda row: "set" if row.has_usable_password() else "none: cannot log in"),
                columns.moment("last_login", "Last login"),
                CREATED,
                columns.code("public_id", "Id"),
            ),
        ),
        (
            "Staff",
            (
                columns.yes_or_no("is_staff", "Staff"),
                columns.column("Role", role_of),
                columns.yes_or_no("is_superuser", "Administrator"),
            ),
        ),
    )


show_on(
    User,
    Panel(
        "Member of",
        Membership,
        lambda user: user.memberships.select_related("user", "organization").order_by("organization__name"),
        (columns.me("Organization", "organization__name"), columns.field("role", "Role"), CREATED),
    ),
)


class MemberForm(ActForm):
    """Who is to be a member."""

    email = forms.EmailField(label="E-mail address")
    name = forms.CharField(max_length=NAME_LENGTH, required=False, help_text="For somebody who has no account yet.")
    role = forms.ChoiceField(choices=CHOICES, initial=Role.OPERATOR.value)


class RoleForm(ActForm):
    """Another role."""

    role = forms.ChoiceField(choices=CHOICES)


class StaffRoleForm(ActForm):
    """A role among the staff."""

    role = forms.ChoiceField(choices=[(NOBODY, "not of the staff"), *((role.value, role.value) for role in StaffRole)])


def _invite(actor: Actor, row: Organization, values: Values) -> Membership:
    return invite_member(
        actor=actor, organization=row, email=values["email"], name=values["name"], role=Role(values["role"])
    )


def _remove(actor: Actor, row: Membership, _values: Values) -> Organization:
    organization = row.organization
    remove_member(actor=actor, membership=row)
    return organization


def _new_password(actor: Actor, row: User, _values: Values) -> Secret:
    return Secret(
        title=f"New password of {row.email}",
        value=set_new_password(actor=actor, user=row),
        note="It is shown only here and only now. Give it to the person on a way that nobody else reads.",
    )


def _staff_role(actor: Actor, row: User, values: Values) -> None:
    chosen = values["role"]
    set_staff_role(actor=actor, user=row, role=None if chosen == NOBODY else StaffRole(chosen))


act_on(
    Organization,
    Act(
        name="member",
        title="Add member",
        permission="tenancy.add_membership",
        perform=_invite,
        form=MemberForm,
        effects=(
            "Somebody who has no account gets one. It has no password: make one on the account's page.",
            "Owners and admins may do everything, operators reserve and release, billing and viewers look.",
        ),
        done="{row} has a new member.",
        icon="person_add",
    ),
)
act_on(
    Membership,
    Act(
        name="role",
        title="Change role",
        permission="tenancy.change_membership",
        perform=lambda actor, row, values: change_role(actor=actor, membership=row, role=Role(values["role"])),
        form=RoleForm,
        initial=lambda row: {"role": row.role},
        effects=("It holds from the person's next click. An organization keeps at least one owner.",),
        done="{row} has another role.",
        icon="manage_accounts",
    ),
    Act(
        name="remove",
        title="Remove",
        permission="tenancy.delete_membership",
        perform=_remove,
        form=ActForm,
        effects=("The person can no longer see anything of the organization. The account and API tokens stay.",),
        done="The member is removed.",
        icon="person_remove",
        is_grave=True,
    ),
)
act_on(
    User,
    Act(
        name="password",
        title="New password",
        permission="tenancy.change_user",
        perform=_new_password,
        form=ActForm,
        fits=lambda row: row.is_active and not row.is_staff,
        effects=("The present password ends, and with it every session of the account.",),
        done="{row} has a new password.",
        icon="password",
    ),
    Act(
        name="staff-role",
        title="Staff role",
        permission="auth.change_group",
        perform=_staff_role,
        form=StaffRoleForm,
        fits=lambda row: not row.is_superuser,
        initial=lambda row: {"role": str(role_of(row) or NOBODY)},
        effects=("The person may look at and do what the role allows in these pages.",),
        done="The staff role of {row} is set.",
        icon="badge",
    ),
)
