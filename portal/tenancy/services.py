"""Changes to tenants: organizations, projects, members, SSH keys, API tokens."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor, ActorKind
from portal.core.constraints import refuse
from portal.core.errors import InvalidInput, NotFound, StateConflict
from portal.core.locks import lock_row
from portal.core.money import MINOR_UNITS, quantum, round_money
from portal.tenancy import tokens
from portal.tenancy.models import NAME_LENGTH, APIToken, Membership, Organization, Project, SSHKey, User
from portal.tenancy.roles import Role, Verb
from portal.tenancy.scope import Scope
from portal.tenancy.ssh_keys import parse_public_key

LAST_USED_GRAIN = timedelta(minutes=1)
LARGEST_LIMIT = Decimal(1_000_000_000_000)


@transaction.atomic
def create_organization(*, actor: Actor, name: str, currency: str = "USD") -> Organization:
    """Create a customer, billed in ``currency`` (ISO 4217). Raises InvalidInput on ``name`` or ``currency``."""
    name = _clean_name(name)
    if currency not in MINOR_UNITS:
        raise InvalidInput.of("currency", "unknown", f"Choose one of {', '.join(sorted(MINOR_UNITS))}.")
    taken = f"There is an organization named {name!r}; choose another name."
    with refuse("organization_name_once", InvalidInput.of("name", "duplicate", taken)):
        organization = Organization.objects.create(name=name, currency=currency)
    record(actor=actor, verb="organization.created", target=organization.public_id, scope=organization.public_id)
    return organization


@transaction.atomic
def set_approval_limit(*, actor: Actor, organization: Organization, limit: Decimal | None) -> None:
    """Set what who is neither owner nor admin may commit the organization to at once; None for no limit.

    It holds from now on: what is reserved stays. Raises InvalidInput on ``limit``.
    """
    currency = organization.currency
    if limit is not None and not (
        limit.is_finite() and 0 <= limit <= LARGEST_LIMIT and limit == round_money(limit, currency)
    ):
        raise InvalidInput.of(
            "limit",
            "invalid_limit",
            f"Give an amount of {currency} from 0 to {LARGEST_LIMIT:,}, in whole {quantum(currency)}.",
        )
    fresh = lock_row(Organization, organization.pk)
    if fresh.approval_limit == limit:
        return
    Organization.objects.filter(pk=fresh.pk).update(approval_limit=limit)
    organization.approval_limit = limit
    record(
        actor=actor,
        verb="organization.approval_limit_set",
        target=fresh.public_id,
        scope=fresh.public_id,
        data={"from": _written(fresh.approval_limit), "to": _written(limit), "currency": currency},
    )


def _written(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


@transaction.atomic
def create_project(*, actor: Actor, organization: Organization, name: str) -> Project:
    """Create a project in an organization. Raises InvalidInput on ``name``."""
    name = _clean_name(name)
    taken = f"{organization.name} has a project named {name!r}; choose another name."
    with refuse("project_name_once", InvalidInput.of("name", "duplicate", taken)):
        project = Project.objects.create(organization=organization, name=name)
    record(actor=actor, verb="project.created", target=project.public_id, scope=organization.public_id)
    return project


@transaction.atomic
def invite_member(*, actor: Actor, organization: Organization, email: str, role: Role, name: str = "") -> Membership:
    """Give the person with that e-mail address a role; one without an account gets one that has no password yet.

    Raises InvalidInput on ``email`` or ``name``, and as ``add_member`` does.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        name = _clean_name(name) if name else ""
        taken = InvalidInput.of("email", "duplicate", "Somebody else has just made this account; try again.")
        with refuse("user_email_once", taken), refuse("tenancy_user_email_key", taken):
            user = User.objects.create_user(email, None, name=name)
        record(actor=actor, verb="user.created", target=user.public_id, data={"email": user.email})
    elif not user.is_active:
        raise InvalidInput.of("email", "inactive", "This account is switched off; use another address.")
    return add_member(actor=actor, organization=organization, user=user, role=role)


@transaction.atomic
def add_member(*, actor: Actor, organization: Organization, user: User, role: Role) -> Membership:
    """Give a person a role in an organization. Raises InvalidInput on ``email`` for one who has a role already."""
    taken = f"{user.email} is a member of {organization.name} already; change the role instead."
    with refuse("membership_once", InvalidInput.of("email", "duplicate", taken)):
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
def change_role(*, actor: Actor, membership: Membership, role: Role) -> None:
    """Give a member another role. Raises StateConflict for the last owner who could still act."""
    fresh = _locked_member(membership)
    if fresh.role == role:
        return
    _keep_an_owner(fresh)
    Membership.objects.filter(pk=fresh.pk).update(role=role)
    membership.role = role
    record(
        actor=actor,
        verb="member.role_changed",
        target=fresh.user.public_id,
        scope=fresh.organization.public_id,
        data={"from": fresh.role, "to": role},
    )


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership) -> None:
    """Take a person's role away; the account stays. Raises StateConflict for the last owner who could still act."""
    fresh = _locked_member(membership)
    _keep_an_owner(fresh)
    fresh.delete()
    record(
        actor=actor,
        verb="member.removed",
        target=fresh.user.public_id,
        scope=fresh.organization.public_id,
        data={"role": fresh.role},
    )


def _locked_member(membership: Membership) -> Membership:
    """Return the membership fresh; its organization is locked, so that no two owners leave at once."""
    lock_row(Organization, membership.organization_id)
    fresh = Membership.objects.select_related("user", "organization").filter(pk=membership.pk).first()
    if fresh is None:
        raise StateConflict("This membership is gone: somebody else removed it meanwhile.")
    return fresh


def _keep_an_owner(leaving: Membership) -> None:
    others = Membership.objects.filter(organization=leaving.organization, role=Role.OWNER, user__is_active=True)
    if leaving.role == Role.OWNER and not others.exclude(pk=leaving.pk).exists():
        raise StateConflict(
            f"{leaving.user.email} is the last owner of {leaving.organization.name}: make somebody else owner first."
        )


@transaction.atomic
def add_ssh_key(*, scope: Scope, actor: Actor, public_key: str, name: str = "") -> SSHKey:
    """Add a public key to the scope's project; without a name, the key's comment or its fingerprint names it.

    Raises Forbidden, and InvalidInput on ``public_key`` or ``name``.
    """
    scope.require(Verb.MANAGE_KEYS)
    parsed = parse_public_key(public_key)
    name = _clean_name(name or parsed.comment[:NAME_LENGTH] or parsed.fingerprint[7:23])
    known = InvalidInput.of("public_key", "duplicate", "This project already has this key; choose it from the list.")
    if SSHKey.objects.filter(project=scope.project, fingerprint=parsed.fingerprint).exists():
        raise known
    taken = f"The project has a key named {name!r}; choose another name."
    with refuse("ssh_key_once", known), refuse("ssh_key_name_once", InvalidInput.of("name", "duplicate", taken)):
        key = SSHKey.objects.create(
            project=scope.project,
            name=name,
            public_key=parsed.line,
            key_type=parsed.key_type,
            fingerprint=parsed.fingerprint,
        )
    record(
        actor=actor,
        verb="ssh_key.added",
        target=key.public_id,
        scope=scope.organization.public_id,
        data={"name": key.name, "fingerprint": key.fingerprint},
    )
    return key


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput.of("name", "invalid_name", f"Give a name of 1 to {NAME_LENGTH} printable characters.")
    return name


@transaction.atomic
def remove_ssh_key(*, scope: Scope, actor: Actor, key: SSHKey) -> None:
    """Forget a key. Servers that already carry it keep it: it is theirs since they were imaged.

    Raises Forbidden, and NotFound for a key of another project or one that is gone already.
    """
    scope.require(Verb.MANAGE_KEYS)
    removed, _ = SSHKey.objects.filter(pk=key.pk, project=scope.project).delete()
    if not removed:
        raise NotFound("This project has no such SSH key.")
    record(
        actor=actor,
        verb="ssh_key.removed",
        target=key.public_id,
        scope=scope.organization.public_id,
        data={"name": key.name},
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
    """Make an API token; the second value is the secret itself, which is shown once and not kept.

    Unless somebody else is named, it is made by the actor, to whom the secret is shown: what it asks for, the same
    person may not decide. Raises InvalidInput on ``name``, and on ``expires_at`` unless it lies ahead.
    """
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput.of("expires_at", "past", "This time is over; choose one that lies ahead.")
    if created_by is None and actor.kind == ActorKind.USER:
        created_by = User.objects.filter(public_id=actor.id).first()
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
    """Remember when and from where a token was last used, at most once a minute, however many requests use it."""
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at >= LAST_USED_GRAIN:
        due = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_GRAIN)
        APIToken.objects.filter(due, pk=token.pk).update(last_used_at=now, last_used_from=address)
