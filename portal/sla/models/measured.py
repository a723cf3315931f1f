"""What the evidence of a month came to: written once when the month is measured, and never changed."""

from django.db import models
from django.db.models import F, Q

from portal.catalog.models import SlaTier
from portal.core import clock, ids
from portal.core.models import Identified
from portal.fleet.models import Server
from portal.reservations.models import Reservation


class ServerMonth(models.Model):
    """The availability of one server of one reservation in one calendar month (UTC)."""

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="server_months")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day.")
    definition = models.PositiveSmallIntegerField(help_text="Version of what counts as down.")
    tier = models.ForeignKey(SlaTier, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    measured_seconds = models.PositiveIntegerField()
    down_seconds = models.PositiveIntegerField()
    degraded_seconds = models.PositiveIntegerField()
    unknown_seconds = models.PositiveIntegerField()
    maintenance_seconds = models.PositiveIntegerField()
    tenant_seconds = models.PositiveIntegerField()
    availability = models.DecimalField(max_digits=15, decimal_places=12, help_text="Percent.")
    measured_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["-month", "reservation", "server"]
        indexes = [models.Index(fields=["month"], name="server_month_by_month")]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "server", "month"], name="server_month_once"),
            models.CheckConstraint(
                condition=Q(measured_seconds__gte=F("down_seconds") + F("degraded_seconds") + F("unknown_seconds")),
                name="server_month_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(availability__gte=0, availability__lte=100), name="server_month_availability"
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="server_month_first_day"),
        ]

    def __str__(self) -> str:
        """Return the month and the availability."""
        return f"{self.month:%Y-%m} {self.availability:.3f} %"


class Outage(Identified):
    """A time in a measured month in which a server was down or degraded; ``excluded`` says why it does not count."""

    ID_PREFIX = ids.Prefix.OUTAGE

    server_month = models.ForeignKey(ServerMonth, on_delete=models.PROTECT, related_name="outages", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField()
    condition = models.CharField(max_length=8)
    kinds = models.JSONField(default=list, help_text="What failed.")
    excluded = models.CharField(max_length=12, blank=True, default="", help_text="Empty: it counts.")
    proof = models.CharField(max_length=40, blank=True, default="", help_text="Public id of what excludes it.")

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["server_month", "since"], name="outage_once"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="outage_goes_forward"),
        ]
