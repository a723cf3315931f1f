"""Events that are yet to be told to the webhooks of tenants."""

from django.db import models

from portal.operations.models import OperationEvent


class News(models.Model):
    """An event that nobody has looked at yet for webhooks. A trigger writes it beside the event, a sweep removes it.

    So booking asks nothing more of the database, and no event is missed or told twice.
    """

    event = models.OneToOneField(OperationEvent, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name_plural = "news"

    def __str__(self) -> str:
        """Return the event's id."""
        return str(self.event_id)
