"""Tenants: organizations, their projects, people, SSH keys and API tokens."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from portal.core import ids
from portal.core.actors import Actor, ActorKind
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS
from portal.tenancy.roles import CHOICES, MAY, Role, Verb

NAME_LENGTH = 80


class UserManager(BaseUserManager["User"]):
    """Makes accounts; the e-mail address is the login name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account. Without a password nobody can log in with it. Raises ValueError without an address."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the account of an e-mail address, whatever its case: it is unique in that way too."""
        return self.get(email__iexact=username)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account that may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person, of a tenant or of the staff."""

    ID_PREFIX = ids.Prefix.USER

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="user_email_once", violation_error_message="This e-mail address has an account."
            )
        ]

    def __str__(self) -> str:
        """Return the e-mail address."""
        return self.email

    def as_actor(self, request_id: str = "") -> Actor:
        """Return this person as the doer of something."""
        return Actor(ActorKind.USER, self.public_id, self.email, request_id)


class Organization(Identified):
    """A customer: the party that contracts, pays and has quotas."""

    ID_PREFIX = ids.Prefix.ORGANIZATION

    name = models.CharField(max_length=NAME_LENGTH)
    currency = models.CharField(max_length=3, default="USD")
    approval_limit = models.DecimalField(
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="What who is neither owner nor admin may commit to at once, in the currency; empty: anything.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organization_name_once"),
            models.CheckConstraint(
                condition=models.Q(approval_limit__isnull=True) | models.Q(approval_limit__gte=0),
                name="organization_approval_limit",
            ),
            models.CheckConstraint(
                condition=models.Q(currency__in=sorted(MINOR_UNITS)), name="organization_currency_known"
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Project(Identified):
    """Where the work of an organization is kept apart: reservations, keys and tokens belong to one project."""

    ID_PREFIX = ids.Prefix.PROJECT

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=NAME_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="project_name_once")]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Membership(Identified):
    """A person's role in an organization."""

    ID_PREFIX = ids.Prefix.MEMBER

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=CHOICES, default=Role.OPERATOR)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=sorted(Role)), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        """Return who is what where."""
        return f"{self.user} · {self.role} · {self.organization}"

    def may(self, verb: Verb) -> bool:
        """Tell whether the role includes ``verb``."""
        return verb in MAY[Role(self.role)]


class SSHKey(Identified):
    """A public key that a project puts on its servers."""

    ID_PREFIX = ids.Prefix.SSH_KEY

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="ssh_keys")
    name = models.CharField(max_length=NAME_LENGTH)
    public_key = models.TextField(help_text="One line in OpenSSH form, without options.")
    key_type = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=64, help_text="SHA256:..., as ssh-keygen -l shows it.")

    class Meta:
        verbose_name = "SSH key"
        constraints = [
            models.UniqueConstraint("project", Lower("name"), name="ssh_key_name_once"),
            models.UniqueConstraint(fields=["project", "fingerprint"], name="ssh_key_once"),
            models.CheckConstraint(
                condition=~models.Q(public_key__regex=r"[\r\n\x01-\x1f]"), name="ssh_key_is_one_line"
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class APIToken(Identified):
    """A program's way in: bound to one project and one role. Only the hash of the secret is stored."""

    ID_PREFIX = ids.Prefix.TOKEN

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    role = models.CharField(max_length=16, choices=CHOICES, default=Role.OPERATOR)
    prefix = models.CharField(max_length=20, help_text="First characters, to recognise it by.")
    secret_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = "API token"
        constraints = [models.CheckConstraint(condition=models.Q(role__in=sorted(Role)), name="api_token_role_known")]

    def __str__(self) -> str:
        """Return name and recognisable prefix."""
        return f"{self.name} ({self.prefix}…)"

    def may(self, verb: Verb) -> bool:
        """Tell whether the token's role includes ``verb``."""
        return verb in MAY[Role(self.role)]

    def as_actor(self, request_id: str = "") -> Actor:
        """Return this token as the doer of something."""
        return Actor(ActorKind.TOKEN, self.public_id, f"API token {self.name}", request_id)
