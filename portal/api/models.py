"""What the API remembers: the replies to requests that carried an Idempotency-Key."""

from django.db import models

from portal.core import clock
from portal.tenancy.models import Project

KEY_LENGTH = 255


class KeptReply(models.Model):
    """The reply to the first request with a key of a project, kept to be sent again."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField()
    body = models.TextField(blank=True)
    is_sealed = models.BooleanField(default=False, help_text="Whether the body is kept encrypted: it shows a secret.")
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        verbose_name_plural = "kept replies"
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        """Return the key."""
        return self.key
