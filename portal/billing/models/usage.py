"""Metered usage: for each server and month how long it was held, and how long it was on. Never edited."""

from datetime import timedelta

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.models import Allocation, Reservation
from portal.tenancy.models import Organization


class Meter(models.TextChoices):
    """What is measured."""

    RESERVED = "reserved", "Reserved"
    POWERED = "powered", "Powered on"


class MonthClose(models.Model):
    """That a customer's month is over and counted: its usage is final, and what it costs is on an invoice."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="closed_months")
    month = models.DateField(help_text="Its first day.")
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "month"], name="month_closed_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="month_close_first_day"),
        ]

    def __str__(self) -> str:
        """Return who and when."""
        return f"{self.organization} {self.month:%Y-%m}"


class UsageRecord(models.Model):
    """What one meter of one allocation counted in one month; a correction is a row with the next revision.

    ``period`` spans what was counted. Only ``duration`` tells how long that was: a server that was off in between is on
    for less than that.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="usage", db_index=False)
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="usage")
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="usage", db_index=False)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+", db_index=False)
    position = models.PositiveSmallIntegerField()
    meter = models.CharField(max_length=8, choices=Meter.choices)
    month = models.DateField()
    revision = models.PositiveSmallIntegerField(default=0)
    period = DateTimeRangeField(null=True, blank=True)
    duration = models.DurationField()
    reason = models.CharField(max_length=200, blank=True, default="", help_text="Of a correction.")
    recorded_by = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["month", "reservation", "position", "pk"]
        indexes = [models.Index(fields=["organization", "month"], name="usage_by_month")]
        constraints = [
            models.UniqueConstraint(fields=["allocation", "meter", "month", "revision"], name="usage_revision_once"),
            models.CheckConstraint(condition=Q(meter__in=Meter.values), name="usage_meter_known"),
            models.CheckConstraint(condition=Q(month__day=1), name="usage_month_first_day"),
            models.CheckConstraint(condition=Q(duration__gte=timedelta(0)), name="usage_not_negative"),
            models.CheckConstraint(condition=Q(revision=0) | ~Q(reason=""), name="usage_correction_reason"),
            models.CheckConstraint(
                condition=Q(period__isnull=True) | Q(duration__lte=F("period__endswith") - F("period__startswith")),
                name="usage_within_period",
            ),
        ]

    def __str__(self) -> str:
        """Return meter, month and length."""
        return f"{self.meter} {self.month:%Y-%m}: {self.duration}"
