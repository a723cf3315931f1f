"""Limits on what an organization may hold at one time."""

from django.db import models

from portal.core import ids
from portal.core.models import Identified
from portal.fleet.models import Region, ServerType
from portal.tenancy.models import Organization


class Quota(Identified):
    """The most servers of a type in a region that an organization may hold at one instant."""

    ID_PREFIX = ids.Prefix.QUOTA

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="quotas")
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    limit = models.PositiveIntegerField(help_text="Servers held at one instant.")

    class Meta:
        ordering = ["organization", "server_type", "region"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "server_type", "region"], name="quota_once"),
        ]

    def __str__(self) -> str:
        """Return whose limit on what."""
        return f"{self.organization}: {self.limit} x {self.server_type} in {self.region}"

    def admits(self, *, used: int, requested: int) -> bool:
        """Tell whether ``requested`` more servers fit beside the ``used`` ones."""
        return used + requested <= self.limit
