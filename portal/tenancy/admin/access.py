"""Ways in: API tokens, of which only a hash is kept, and SSH keys."""

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.acts import Act, On, Secret, Values, act_on
from portal.audit.staff.forms import ActForm, Moment
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.core import clock
from portal.core.actors import Actor
from portal.tenancy.models import NAME_LENGTH, APIToken, Project, SSHKey
from portal.tenancy.roles import CHOICES, Role
from portal.tenancy.services import issue_token, revoke_token


def is_live(token: APIToken) -> bool:
    """Tell whether a token still opens the API."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > clock.now())


TOKEN = (
    columns.field("role", "Role"),
    columns.column("Works", lambda row: columns.label("live", "ok") if is_live(row) else columns.label("ended", "")),
    columns.moment("expires_at", "Expires"),
    columns.moment("revoked_at", "Revoked"),
    columns.moment("last_used_at", "Last used"),
)
PROJECT = columns.link("project", "Project", "project__name")
ORGANIZATION = columns.link("project__organization", "Organization", "project__organization__name")


@admin.register(APIToken)
class APITokenAdmin(RecordAdmin):
    """A program's way in."""

    list_display = (columns.field("name", "Name"), columns.code("prefix", "Begins with"), PROJECT, ORGANIZATION, *TOKEN)
    list_filter = (
        filters.given("revoked_at", "revocation", "revoked", "not revoked"),
        ("role", ChoicesDropdownFilter),
        ("project", AutocompleteSelectFilter),
    )
    list_select_related = ("project__organization",)
    search_fields = ("name", "prefix", "public_id", "project__name", "project__organization__name")
    search_help_text = "Name, first characters, id, project or organization"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.code("prefix", "Begins with"),
                PROJECT,
                ORGANIZATION,
                *TOKEN,
                columns.field("last_used_from", "Last used from"),
                columns.link("created_by", "Made by"),
                columns.moment("created_at", "Since"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(SSHKey)
class SSHKeyAdmin(RecordAdmin):
    """A public key that a project puts on its servers."""

    list_display = (
        columns.field("name", "Name"),
        columns.field("key_type", "Type"),
        columns.code("fingerprint", "Fingerprint"),
        PROJECT,
        ORGANIZATION,
        columns.moment("created_at", "Since"),
    )
    list_filter = (("project", AutocompleteSelectFilter),)
    list_select_related = ("project__organization",)
    search_fields = ("name", "fingerprint", "public_id", "project__name", "project__organization__name")
    search_help_text = "Name, fingerprint, id, project or organization"
    ordering = ("-pk",)
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.field("key_type", "Type"),
                columns.code("fingerprint", "Fingerprint"),
                columns.code("public_key", "Public key"),
                PROJECT,
                ORGANIZATION,
                columns.moment("created_at", "Since"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


show_on(
    Project,
    Panel(
        "API tokens",
        APIToken,
        lambda project: project.api_tokens.order_by("-pk"),
        (columns.me("Token"), *TOKEN),
        all_of="project__id__exact",
    ),
    Panel(
        "SSH keys",
        SSHKey,
        lambda project: project.ssh_keys.order_by("name"),
        (columns.me("Name"), columns.field("key_type", "Type"), columns.code("fingerprint", "Fingerprint")),
        all_of="project__id__exact",
    ),
)


class TokenForm(ActForm):
    """A new token."""

    name = forms.CharField(max_length=NAME_LENGTH)
    role = forms.ChoiceField(choices=CHOICES, initial=Role.OPERATOR.value)
    expires_at = Moment(required=False, label="Expires (UTC)", help_text="Empty: it works until it is revoked.")


def _issue(actor: Actor, row: Project, values: Values) -> Secret:
    token, secret = issue_token(
        actor=actor,
        project=row,
        name=values["name"],
        role=Role(values["role"]),
        expires_at=values["expires_at"],
    )
    return Secret(
        title=f"API token {token.name}",
        value=secret,
        note=f"It is shown only here and only now. It works in {row.name} of {row.organization.name}.",
    )


act_on(
    Project,
    Act(
        name="token",
        title="New API token",
        permission="tenancy.add_apitoken",
        perform=_issue,
        form=TokenForm,
        effects=("Whoever has the token may do in this project what its role allows.", "It is shown once."),
        done="{row} has a new API token.",
        icon="token",
    ),
)
act_on(
    APIToken,
    Act(
        name="revoke",
        title="Revoke",
        permission="tenancy.change_apitoken",
        on=On.ROWS,
        perform=lambda actor, row, _values: revoke_token(actor=actor, token=row),
        form=ActForm,
        fits=is_live,
        effects=("The token opens nothing from now on. This cannot be undone.",),
        done="{row} is revoked.",
        icon="block",
        is_grave=True,
    ),
)
