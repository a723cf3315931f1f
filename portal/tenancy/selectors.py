"""Questions about tenants."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from portal.core import clock
from portal.core.errors import NotFound
from portal.core.prepared import Given, Prepared, is_among
from portal.tenancy import tokens
from portal.tenancy.models import APIToken, Membership, Organization, Project, SSHKey, User
from portal.tenancy.roles import Role
from portal.tenancy.scope import Scope

_LIVE_TOKEN = Prepared(
    lambda: (
        APIToken.objects.select_related("project__organization")
        .filter(secret_sha256=Given("digest"), revoked_at=None)
        .filter(Q(expires_at=None) | Q(expires_at__gt=Given("now")))
    )
)


def find_token(secret: str) -> APIToken | None:
    """Return the live token behind ``secret``; None for a malformed, unknown, expired or revoked one."""
    if not tokens.is_well_formed(secret):
        return None
    return _LIVE_TOKEN.first(digest=tokens.digest(secret), now=clock.now())


def projects_of(user: User) -> models.QuerySet[Project]:
    """Return the projects of the organizations that ``user`` is a member of, in a stable order."""
    return (
        Project.objects.select_related("organization")
        .filter(organization__memberships__user=user)
        .order_by("organization__name", "name")
    )


def project_of(scope: Scope, public_id: str) -> Project:
    """Return one project of the scope's organization. Raises NotFound."""
    project = Project.objects.filter(organization=scope.organization, public_id=public_id).first()
    if project is None:
        raise NotFound("Your organization has no such project.")
    return project


def scope_of_user(user: User, project_id: str = "", request_id: str = "") -> Scope:
    """Return the user's scope in the project with that public id, or in the oldest one. Raises NotFound."""
    projects = projects_of(user).order_by("pk")
    project = projects.filter(public_id=project_id).first() if project_id else projects.first()
    if project is None:
        raise NotFound("You have no such project. Ask an owner of your organization to invite you.")
    membership = Membership.objects.get(user=user, organization=project.organization)
    return Scope(user.as_actor(request_id), project, Role(membership.role))


def scope_of_token(token: APIToken, request_id: str = "") -> Scope:
    """Return the scope that a token works in."""
    return Scope(token.as_actor(request_id), token.project, Role(token.role))


def ssh_keys_of(scope: Scope) -> models.QuerySet[SSHKey]:
    """Return the project's SSH keys by name."""
    return SSHKey.objects.filter(project=scope.project).order_by("name", "pk")


_NAMED_KEYS = Prepared(
    lambda: SSHKey.objects.filter(is_among("public_id", Given("ids", "text[]")), project=Given("project"))
)


def ssh_keys_called(scope: Scope, public_ids: Iterable[str]) -> dict[str, SSHKey]:
    """Return those of the project's SSH keys that have one of the public ids, by it."""
    return {key.public_id: key for key in _NAMED_KEYS.rows(ids=list(public_ids), project=scope.project.pk)}


def ssh_key_of(scope: Scope, public_id: str) -> SSHKey:
    """Return one SSH key of the project. Raises NotFound."""
    key = ssh_keys_of(scope).filter(public_id=public_id).first()
    if key is None:
        raise NotFound("This project has no such SSH key.")
    return key


def notification_addresses(project: Project) -> list[str]:
    """Return the e-mail addresses of those who want to know what happens to a project's reservations."""
    return addresses_of(project.organization, (Role.OWNER, Role.ADMIN, Role.OPERATOR))


SEE_MONEY = (Role.OWNER, Role.ADMIN, Role.BILLING)


def billing_addresses(organization: Organization, roles: Iterable[Role] = SEE_MONEY) -> list[str]:
    """Return the e-mail addresses of those who see what an organization spends and owes, or of some of them."""
    return addresses_of(organization, roles)


def addresses_of(organization: Organization, roles: Iterable[Role]) -> list[str]:
    """Return the e-mail addresses of the members of an organization that have one of some roles."""
    members = {"memberships__organization": organization.pk, "memberships__role__in": list(roles)}
    return list(User.objects.filter(is_active=True, **members).order_by("pk").values_list("email", flat=True))
