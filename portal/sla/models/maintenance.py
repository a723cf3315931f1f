"""Maintenance that is announced: when, and of which servers; each may be put off by the tenant that has it."""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models

from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.periods import Period
from portal.fleet.models import Region, Server
from portal.reservations.models.ranges import bounded
from portal.sla.models.incident import TEXT_LENGTH, TITLE_LENGTH
from portal.sla.states import MAINTENANCE


class MaintenanceWindow(Identified, Stateful):
    """Work on servers of a region, announced ahead. ``period`` is as it was announced or moved last."""

    ID_PREFIX = ids.Prefix.MAINTENANCE
    STATES = MAINTENANCE

    title = models.CharField(max_length=TITLE_LENGTH)
    text = models.TextField(max_length=TEXT_LENGTH, blank=True, default="")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    period = DateTimeRangeField()
    announced_at = models.DateTimeField(default=clock.now, editable=False, help_text="Or when it was moved last.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            known_state(MAINTENANCE, "maintenance_state_known"),
            bounded("period", "maintenance_period_bounded"),
        ]

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)


class MaintenanceServer(models.Model):
    """One server's turn in a window. ``first_start`` is what the days of putting off are counted from."""

    window = models.ForeignKey(MaintenanceWindow, on_delete=models.CASCADE, related_name="turns", db_index=False)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="maintenance_turns")
    period = DateTimeRangeField()
    first_start = models.DateTimeField()
    known_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was announced, where it was put off then and stays if the window moves.",
    )
    deferred_at = models.DateTimeField(null=True, blank=True)
    deferred_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["window", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["window", "server"], name="maintenance_server_once"),
            bounded("period", "maintenance_server_period_bounded"),
        ]

    def __str__(self) -> str:
        """Return the server."""
        return str(self.server)

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)
