"""Limits on what an organization, or one of its projects, may hold or spend, and requests for more."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import MINOR_UNITS, Money
from portal.fleet.models import Region, ServerType
from portal.quotas.states import QUOTA_REQUEST, QuotaRequestState
from portal.tenancy.models import Organization, Project

REASON_LENGTH = 1000


class QuotaScope(models.TextChoices):
    """Whose use a limit counts."""

    ORGANIZATION = "organization", "Whole organization"
    PROJECT = "project", "This project only"


class Quota(Identified):
    """The most of a server type in a region that an organization, or one project of it, may hold.

    ``limit`` counts servers at one instant, ``gpu_hours_per_month`` the GPU-hours of a calendar month in UTC. Without
    a row for the organization nothing may be held; without one for the project only the organization's counts.
    """

    ID_PREFIX = ids.Prefix.QUOTA

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="quotas")
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="quotas",
        help_text="Empty: the whole organization.",
    )
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    limit = models.PositiveIntegerField(help_text="Servers held at one instant.")
    gpu_hours_per_month = models.PositiveIntegerField(
        null=True, blank=True, help_text="GPU-hours in a calendar month (UTC). Empty: no limit."
    )

    class Meta:
        ordering = ["organization", "server_type", "region", "pk"]
        constraints = [
            # That a project is its organization's is a foreign key of both columns: migration 0003.
            models.UniqueConstraint(
                fields=["organization", "project", "server_type", "region"], name="quota_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        """Return whose limit on what."""
        return f"{self.owner}: {self.limit} x {self.server_type} in {self.region}"

    @property
    def owner(self) -> str:
        """Whose limit it is, for people."""
        return f"{self.organization} / {self.project}" if self.project else str(self.organization)

    @property
    def scope(self) -> QuotaScope:
        """Whose use it counts."""
        return QuotaScope.ORGANIZATION if self.project_id is None else QuotaScope.PROJECT

    def admits(self, *, used: int, requested: int) -> bool:
        """Tell whether ``requested`` more servers fit beside the ``used`` ones."""
        return used + requested <= self.limit


class QuotaRequest(Identified, Stateful):
    """A project's wish for more of a server type in a region, for itself or for its whole organization.

    ``gpu_hours_per_month`` is empty where that limit is to stay as it is. What was granted stands beside the wish.
    """

    ID_PREFIX = ids.Prefix.QUOTA_REQUEST
    STATES = QUOTA_REQUEST

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="quota_requests")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="quota_requests")
    applies_to = models.CharField(max_length=16, choices=QuotaScope.choices, default=QuotaScope.ORGANIZATION)
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    limit = models.PositiveIntegerField()
    gpu_hours_per_month = models.PositiveIntegerField(null=True, blank=True)
    reason = models.TextField(max_length=REASON_LENGTH)
    requested_by = models.CharField(max_length=200)
    requested_by_id = models.CharField(max_length=64)
    granted_limit = models.PositiveIntegerField(null=True, blank=True)
    granted_gpu_hours_per_month = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("decide_quota_increase", "Can decide on increases of quota")]
        indexes = [models.Index(fields=["project", "-id"], name="quota_request_by_project")]
        constraints = [
            known_state(QUOTA_REQUEST, "quota_request_state_known"),
            models.CheckConstraint(condition=Q(applies_to__in=QuotaScope.values), name="quota_request_scope_known"),
            models.UniqueConstraint(
                fields=["project", "server_type", "region"],
                condition=Q(state=QuotaRequestState.PENDING),
                name="quota_request_pending_once",
            ),
        ]


class Budget(Identified):
    """What an organization, or one project of it, means to spend in each calendar month (UTC).

    What is booked for a month counts, at the agreed prices, before credits and tax; capacity of contracts too. At each
    of the percents ``warn_at`` a mail goes out. With ``stops`` nothing is booked that would go beyond it.
    """

    ID_PREFIX = ids.Prefix.BUDGET

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="budgets")
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="budgets",
        help_text="Empty: the whole organization.",
    )
    amount = models.DecimalField(max_digits=16, decimal_places=2, help_text="For one calendar month (UTC).")
    currency = models.CharField(max_length=3)
    warn_at = ArrayField(models.PositiveSmallIntegerField(), help_text="Percents of the amount, in order.")
    stops = models.BooleanField(default=False)

    class Meta:
        ordering = ["organization", "pk"]
        constraints = [
            # That a project is its organization's, and what percents there are, stands in migration 0005.
            models.UniqueConstraint(fields=["organization", "project"], name="budget_once", nulls_distinct=False),
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_positive"),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="budget_currency_known"),
        ]

    def __str__(self) -> str:
        """Return whose budget and how much."""
        return f"{self.project or self.organization}: {self.value} a month"

    @property
    def value(self) -> Money:
        """The amount as money."""
        return Money(self.amount, self.currency)

    @property
    def scope(self) -> QuotaScope:
        """Whose spending it counts."""
        return QuotaScope.ORGANIZATION if self.project_id is None else QuotaScope.PROJECT

    @property
    def owner(self) -> str:
        """Whose it is, for people."""
        return self.organization.name if self.project is None else self.project.name


class BudgetWarning(models.Model):
    """That a warning was sent: of one percent of one amount, for one month, once."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="warnings")
    month = models.DateField(help_text="Its first day.")
    percent = models.PositiveSmallIntegerField()
    amount = models.DecimalField(max_digits=16, decimal_places=2, help_text="What the budget was then.")
    sent_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "month", "percent", "amount"], name="budget_warning_once"),
        ]

    def __str__(self) -> str:
        """Return what was warned of."""
        return f"{self.percent} % of {self.amount} in {self.month:%Y-%m}"
