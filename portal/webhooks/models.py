"""Endpoints of tenants, messages to them, and each try to deliver one."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import LessThan

from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.tenancy.models import Project
from portal.webhooks.addresses import URL_LENGTH
from portal.webhooks.states import ENDPOINT, EndpointState

MOST_PAYLOAD = 20_000
"""A payload has fewer bytes; Standard Webhooks asks for less than 20 kB."""
ANSWER_LENGTH = 500
ERROR_LENGTH = 200


class Endpoint(Identified, Stateful):
    """An address of a project that chosen events are posted to. Its secrets are kept encrypted.

    After a rotation the former secret signs too, until ``former_until``.
    """

    ID_PREFIX = ids.Prefix.WEBHOOK
    STATES = ENDPOINT

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(max_length=URL_LENGTH)
    event_types = ArrayField(models.CharField(max_length=40), help_text="What is posted: types of the table.")
    secret_encrypted = models.TextField(editable=False)
    former_secret_encrypted = models.TextField(blank=True, default="", editable=False)
    former_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "webhook endpoint"
        ordering = ["-pk"]
        constraints = [
            known_state(ENDPOINT, "webhook_endpoint_state_known"),
            models.UniqueConstraint(fields=["project", "url"], name="webhook_endpoint_once"),
            models.CheckConstraint(condition=Q(url__startswith="https://"), name="webhook_endpoint_https"),
            models.CheckConstraint(condition=Q(event_types__len__gte=1), name="webhook_endpoint_chooses"),
            models.CheckConstraint(
                condition=Q(former_secret_encrypted="", former_until=None)
                | (~Q(former_secret_encrypted="") & Q(former_until__isnull=False)),
                name="webhook_endpoint_former_whole",
            ),
        ]

    @property
    def is_enabled(self) -> bool:
        """Whether messages are posted to it."""
        return self.state == EndpointState.ENABLED


class Message(Identified):
    """Something that an endpoint is told. Its public id is the ``webhook-id``, the same at each try.

    ``next_try_at`` is empty when nothing more is to be tried: it is delivered, or given up. Who sends it has it leased
    meanwhile; ``claims`` counts these, so that one who was late changes nothing.
    """

    ID_PREFIX = ids.Prefix.MESSAGE

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="messages", db_index=False)
    type = models.CharField(max_length=40)
    payload = models.TextField(help_text="JSON, byte for byte as it is signed and sent.")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True, default=clock.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "webhook message"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="webhook_message_by_endpoint"),
            models.Index(fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="webhook_message_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=LessThan(Length("payload"), Value(MOST_PAYLOAD)), name="webhook_message_payload_short"
            ),
            models.CheckConstraint(
                condition=Q(next_try_at=None) | Q(delivered_at=None), name="webhook_message_delivered_is_over"
            ),
        ]

    @property
    def standing(self) -> str:
        """What became of it: ``delivered``, ``failed`` when it is given up, else ``waiting``."""
        if self.delivered_at:
            return "delivered"
        return "waiting" if self.next_try_at else "failed"


class Attempt(models.Model):
    """One try to deliver a message: the status and the beginning of the answer, or why there was none."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=clock.now)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField()
    answer = models.CharField(max_length=ANSWER_LENGTH, blank=True, default="")
    error = models.CharField(max_length=ERROR_LENGTH, blank=True, default="")

    class Meta:
        verbose_name = "webhook attempt"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__isnull=False, error="") | (Q(status=None) & ~Q(error="")),
                name="webhook_attempt_answer_or_error",
            )
        ]

    def __str__(self) -> str:
        """Return what came of it."""
        return f"HTTP {self.status}" if self.status else self.error
