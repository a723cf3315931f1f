"""What is derived from the allocations, so that questions about free time are quick. The database keeps it up.

Triggers on allocations and servers (migration ``0005_calendar``) write these rows; nothing else does. ``manage.py
check_calendar`` compares them with the allocations, and rebuilds them.
"""

from django.db import models

from portal.fleet.models import Fabric, Region, ServerType


class Grain(models.IntegerChoices):
    """Length of a slot of the timeline, in hours."""

    HOUR = 1
    DAY = 24


class Pool(models.Model):
    """The servers of a type in a fabric that are sold alike; spares, held back from sale, are a pool apart."""

    server_type = models.ForeignKey(ServerType, on_delete=models.CASCADE, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+")
    fabric = models.ForeignKey(Fabric, on_delete=models.CASCADE, related_name="+")
    is_spare = models.BooleanField(default=False)
    spares_wanted = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Servers to hold back from sale; empty: by the table of spares."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server_type", "region", "fabric", "is_spare"], name="pool_once"),
        ]

    def __str__(self) -> str:
        """Return what is where."""
        return f"{self.server_type} in {self.region}, fabric {self.fabric}{', spares' if self.is_spare else ''}"


class FreeSpan(models.Model):
    """A span in which a server that can be promised is held for nobody: as long as it can be.

    The first span of a server begins, and its last one ends, far outside of any reservation. Found by its size: the
    index, with the questions that use it, stands in ``migrations/sql/calendar.sql``.
    """

    pk = models.CompositePrimaryKey("server_id", "lo")
    server_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    rack_id = models.BigIntegerField()
    lo = models.DateTimeField()
    hi = models.DateTimeField()

    def __str__(self) -> str:
        """Return the server and the span."""
        return f"{self.server_id}: {self.lo} to {self.hi}"


class TimelineStep(models.Model):
    """By how many the servers of a pool that are free for a whole slot change from one slot to the next.

    The count of a slot is the sum of all changes up to it. A booking adds rows and changes none, so that bookings do
    not wait for one another; rows of the same slot are put together later.
    """

    pool_id = models.BigIntegerField()
    grain = models.SmallIntegerField(choices=Grain.choices)
    at = models.DateTimeField()
    change = models.IntegerField()
    is_folded = models.BooleanField(default=False)

    class Meta:
        indexes = [
            # Without the change, so that putting rows together need not write to the index.
            models.Index(fields=["pool_id", "grain", "at"], name="timeline_step_by_slot"),
            models.Index(fields=["id"], condition=models.Q(is_folded=False), name="timeline_step_new"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["pool_id", "grain", "at"], condition=models.Q(is_folded=True), name="timeline_step_folded_once"
            )
        ]

    def __str__(self) -> str:
        """Return the change and its slot."""
        return f"{self.change:+d} at {self.at}"
