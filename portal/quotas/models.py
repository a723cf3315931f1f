"""Limits on what an organization, or one of its projects, may hold, and requests for more."""

from django.db import models
from django.db.models import Q

from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
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
