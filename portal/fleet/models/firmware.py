"""What components may run, and what they were found to run."""

from django.db import models

from portal.core import clock
from portal.fleet.models.metal import Server, ServerType


class FirmwareBaseline(models.Model):
    """What a component of servers of a type may run; what is not listed may not be there."""

    ANY = "*"

    server_type = models.ForeignKey(ServerType, on_delete=models.CASCADE, related_name="firmware_baselines")
    component = models.CharField(max_length=100, help_text="As the BMC names it in its firmware inventory.")
    versions = models.JSONField(help_text="Allowed versions; * stands for any.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server_type", "component"], name="firmware_baseline_once")]

    def __str__(self) -> str:
        """Return the component and what it may run."""
        return f"{self.component} {' or '.join(self.versions)}"


class FirmwareReading(models.Model):
    """What a component was found to run in one operation, and what it should run."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="firmware_readings")
    operation_id_text = models.CharField(max_length=40, help_text="Public id of the operation.")
    component = models.CharField(max_length=100)
    version = models.CharField(max_length=100, blank=True, help_text="Empty when the component was missing.")
    expected = models.CharField(max_length=400, blank=True, help_text="Empty when the component is not listed.")
    matches = models.BooleanField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "operation_id_text", "component"], name="firmware_reading_once")
        ]

    def __str__(self) -> str:
        """Return the component and its version."""
        return f"{self.component} {self.version}"
