"""Questions to the record."""

from django.db import models

from portal.audit.models import AuditEvent


def events_of(target: str) -> models.QuerySet[AuditEvent]:
    """Return what was done to the thing with the public id ``target``, newest first."""
    return AuditEvent.objects.filter(target=target)
