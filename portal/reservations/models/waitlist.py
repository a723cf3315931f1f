"""The waiting list: demand that is flexible in time."""

from django.db import models
from django.db.models import F, Q

from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.fleet.models import Region, ServerType
from portal.reservations.models.reservation import Placement
from portal.reservations.states import WAITLIST
from portal.tenancy.models import Organization, Project


class WaitlistEntry(Identified, Stateful):
    """A wish for ``count`` servers for ``duration``, to begin from ``earliest`` to ``latest``, for ``ceiling`` at most.

    ``queued_at`` is its place in the queue: who lets an offer lapse goes to the end.
    """

    ID_PREFIX = ids.Prefix.WAITLIST
    STATES = WAITLIST

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="waitlist_entries")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="waitlist_entries")
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    count = models.PositiveIntegerField()
    duration = models.DurationField()
    earliest = models.DateTimeField(help_text="Earliest start.")
    latest = models.DateTimeField(help_text="Latest start.")
    placement = models.CharField(max_length=16, choices=Placement.choices)
    ceiling = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True, help_text="Most in total.")
    currency = models.CharField(max_length=3)
    queued_at = models.DateTimeField(default=clock.now)
    missed_offers = models.PositiveSmallIntegerField(default=0)
    obstacle = models.CharField(
        max_length=500, blank=True, default="", help_text="What but capacity stands in its way."
    )
    requested_by = models.CharField(max_length=200)

    class Meta:
        verbose_name_plural = "waitlist entries"
        ordering = ["queued_at", "pk"]
        indexes = [models.Index(fields=["server_type", "region", "queued_at"], name="waitlist_queue")]
        constraints = [
            known_state(WAITLIST, "waitlist_entry_state_known"),
            models.CheckConstraint(condition=Q(count__gte=1), name="waitlist_count"),
            models.CheckConstraint(condition=Q(latest__gte=F("earliest")), name="waitlist_window"),
            models.CheckConstraint(condition=Q(ceiling__isnull=True) | Q(ceiling__gte=0), name="waitlist_ceiling"),
        ]
