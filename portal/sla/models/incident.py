"""Incidents: what went wrong, which servers it touched, and what was said about it."""

from django.db import models
from django.db.models import Q

from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.fleet.models import Region, Server
from portal.sla.states import INCIDENT

TITLE_LENGTH = 120
TEXT_LENGTH = 4000


class Impact(models.TextChoices):
    """How bad it is."""

    DEGRADED = "degraded", "Degraded"
    OUTAGE = "outage", "Outage"


class Incident(Identified, Stateful):
    """Something that went wrong. ``is_public`` ones stand on the status page, without a word about any tenant."""

    ID_PREFIX = ids.Prefix.INCIDENT
    STATES = INCIDENT

    title = models.CharField(max_length=TITLE_LENGTH)
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: the portal itself."
    )
    impact = models.CharField(max_length=8, choices=Impact.choices)
    is_public = models.BooleanField(default=True)
    began_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    root_cause = models.TextField(max_length=TEXT_LENGTH, blank=True, default="")
    root_cause_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            known_state(INCIDENT, "incident_state_known"),
            models.CheckConstraint(condition=Q(impact__in=sorted(Impact)), name="incident_impact_known"),
        ]


class IncidentServer(models.Model):
    """A server that an incident touched."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="touched", db_index=False)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "server"], name="incident_server_once")]

    def __str__(self) -> str:
        """Return the server."""
        return str(self.server)


class IncidentUpdate(models.Model):
    """Something that was said about an incident. Written once."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    at = models.DateTimeField(default=clock.now, editable=False)
    state = models.CharField(max_length=24, help_text="Of the incident from then on.")
    text = models.TextField(max_length=TEXT_LENGTH)
    author = models.CharField(max_length=200)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        """Return the state and the beginning of the text."""
        return f"{self.state}: {self.text[:60]}"
