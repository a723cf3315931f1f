"""The append-only record of who did what to what. Rows are written once; the database refuses everything else."""

from django.db import models

from portal.core import clock


class AuditEvent(models.Model):
    """One thing that was done or refused."""

    at = models.DateTimeField(default=clock.now, editable=False)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    verb = models.CharField(max_length=64, help_text="Dotted, stable: reservation.created, server.state_changed.")
    target = models.CharField(max_length=64, help_text="Public id of what it was done to.")
    scope = models.CharField(
        max_length=40, blank=True, default="", help_text="Public id of the organization concerned."
    )
    data = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["target", "-id"], name="audit_by_target"),
            models.Index(fields=["scope", "-id"], name="audit_by_scope"),
        ]

    def __str__(self) -> str:
        """Return verb and target."""
        return f"{self.verb} {self.target}"
