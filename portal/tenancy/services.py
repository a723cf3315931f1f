"""Changes to tenants: organizations, projects, members, SSH keys, API tokens."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.tenancy import tokens
from portal.tenancy.models import NAME_LENGTH, APIToken, Membership, Organization, Project, SSHKey, User
from portal.tenancy.roles import Role, Verb
from portal.tenancy.scope import Scope
from portal.tenancy.ssh_keys import parse_public_key

LAST_USED_GRAIN = timedelta(minutes=1)


@transaction.atomic
def create_organization(*, actor: Actor, name: str, currency: str = "USD") -> Organization:
    """Create a customer."""
    organization = Organization.objects.create(name=name, currency=currency)
    record(actor=actor, verb="organization.created", target=organization.public_id, scope=organization.public_id)
    return organization


@transaction.atomic
def create_project(*, actor: Actor, organization: Organization, name: str) -> Project:
    """Create a project in an organization."""
    project = Project.objects.create(organization=organization, name=name)
    record(actor=actor, verb="project.created", target=project.public_id, scope=organization.public_id)
    return project


@transaction.atomic
def add_member(*, actor: Actor, organization: Organization, user: User, role: Role) -> Membership:
    """Give a person a role in an organization."""
    membership = Membership.objects.create(organization=organization, user=user, role=role)
    record(
        actor=actor,
        verb="member.added",
        target=user.public_id,
        scope=organization.public_id,
        data={"role": role},
    )
    return membership


@transaction.atomic
def add_ssh_key(*, scope: Scope, actor: Actor, public_key: str, name: str = "") -> SSHKey:
    """Add a public key to the scope's project; without a name, the key's comment or its fingerprint names it.

    Raises Forbidden, and InvalidInput on ``public_key`` or ``name``.
    """
    scope.require(Verb.MANAGE_KEYS)
    parsed = parse_public_key(public_key)
    name = _clean_name(name or parsed.comment or parsed.fingerprint[7:23])
    if SSHKey.objects.filter(project=scope.project, fingerprint=parsed.fingerprint).exists():
        raise InvalidInput.of("public_key", "duplicate", "This project already has this key; choose it from the list.")
    try:
        with transaction.atomic():
            key = SSHKey.objects.create(
                project=scope.project,
                name=name,
                public_key=parsed.line,
                key_type=parsed.key_type,
                fingerprint=parsed.fingerprint,
            )
    except IntegrityError as error:
        raise _duplicate_key(str(error), name) from None
    record(
        actor=actor,
        verb="ssh_key.added",
        target=key.public_id,
        scope=scope.organization.public_id,
        data={"name": key.name, "fingerprint": key.fingerprint},
    )
    return key


def _duplicate_key(message: str, name: str) -> InvalidInput:
    if "ssh_key_name_once" in message:
        return InvalidInput.of("name", "duplicate", f"The project has a key named {name!r}; choose another name.")
    return InvalidInput.of("public_key", "duplicate", "This project already has this key; choose it from the list.")


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput.of("name", "invalid_name", f"Give a name of 1 to {NAME_LENGTH} printable characters.")
    return name


@transaction.atomic
def remove_ssh_key(*, scope: Scope, actor: Actor, key: SSHKey) -> None:
    """Forget a key. Servers that already carry it keep it: it is theirs since they were imaged."""
    scope.require(Verb.MANAGE_KEYS)
    public_id, name = key.public_id, key.name
    key.delete()
    record(
        actor=actor,
        verb="ssh_key.removed",
        target=public_id,
        scope=scope.organization.public_id,
        data={"name": name},
    )


@transaction.atomic
def issue_token(
    *,
    actor: Actor,
    project: Project,
    name: str,
    role: Role,
    expires_at: datetime | None = None,
    created_by: User | None = None,
    prefix: str = tokens.LIVE,
) -> tuple[APIToken, str]:
    """Make an API token; the second value is the secret itself, which is shown once and not kept."""
    secret = tokens.new_token(prefix)
    token = APIToken.objects.create(
        project=project,
        name=_clean_name(name),
        role=role,
        prefix=secret[: tokens.SHOWN_LENGTH],
        secret_sha256=tokens.digest(secret),
        expires_at=expires_at,
        created_by=created_by,
    )
    record(
        actor=actor,
        verb="api_token.issued",
        target=token.public_id,
        scope=project.organization.public_id,
        data={"name": token.name, "role": role},
    )
    return token, secret


@transaction.atomic
def revoke_token(*, actor: Actor, token: APIToken) -> None:
    """Make a token useless from now on. Revoking twice changes nothing."""
    if APIToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now()):
        record(
            actor=actor,
            verb="api_token.revoked",
            target=token.public_id,
            scope=token.project.organization.public_id,
        )


def note_token_use(*, token: APIToken, address: str | None) -> None:
    """Remember when and from where a token was last used, at most once a minute."""
    now = clock.now()
    if token.last_used_at is None or token.last_used_from != address or now - token.last_used_at > LAST_USED_GRAIN:
        APIToken.objects.filter(pk=token.pk).update(last_used_at=now, last_used_from=address)
