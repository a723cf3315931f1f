"""Webhooks and what was posted to them."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, Input, InstantField, Text
from portal.api.serializers.choices import choices_of
from portal.webhooks.event_types import EVENT_TYPES
from portal.webhooks.models import Attempt, Endpoint, Message
from portal.webhooks.states import EndpointState

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
WEBHOOK_STATES = choices_of(EndpointState)
DELIVERY_STATES = [(name, name) for name in ("waiting", "delivered", "failed")]
TYPES_TEXT = "What is posted:\n\n" + "\n".join(f"* `{name}`: {text}" for name, text in EVENT_TYPES.items())


class WebhookOut(serializers.Serializer[Endpoint]):
    """An address of the project that chosen events are posted to."""

    id = serializers.CharField(source="public_id", help_text="`whk_...`")
    url = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=WEBHOOK_STATES)
    state_reason = serializers.CharField(allow_blank=True, help_text="Why it is disabled.")
    former_secret_until = InstantField(
        source="former_until", allow_null=True, help_text="Until when the secret before the last rotation signs too."
    )
    created_at = InstantField()


class WrittenWebhookOut(WebhookOut):
    """A webhook after a write, or as it would be after it."""

    dry_run = DRY_RUN


class SecretWebhookOut(WrittenWebhookOut):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="`whsec_...`: keep it. That of a dry run signs nothing.")


class WebhookIn(Input[Endpoint]):
    """A webhook to add."""

    url = Text(help_text="Begins with https://. It must lead to a public address.")
    event_types = serializers.ListField(child=Text(), help_text=TYPES_TEXT)


class WebhookChangeIn(Input[Endpoint]):
    """What to change of a webhook; what is left out stays."""

    url = Text(required=False, help_text="Begins with https://.")
    event_types = serializers.ListField(child=Text(), required=False, help_text="All that is to be posted from now on.")
    state = Text(required=False, help_text="`enabled` or `disabled`. What waits for one that is disabled is given up.")


class AttemptOut(serializers.Serializer[Attempt]):
    """One try: the status of the answer and its beginning, or why there was none."""

    at = InstantField()
    status = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField()
    answer = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


class DeliveryOut(serializers.Serializer[Message]):
    """Something that a webhook is told, with every try to deliver it."""

    id = serializers.CharField(source="public_id", help_text="`msg_...`, sent as `webhook-id` at every try.")
    type = serializers.CharField()
    state = serializers.ChoiceField(choices=DELIVERY_STATES, source="standing")
    payload = serializers.SerializerMethodField(help_text="What is posted.")
    created_at = InstantField()
    delivered_at = InstantField(allow_null=True)
    next_try_at = InstantField(allow_null=True)
    attempts = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_payload(self, row: Message) -> dict[str, Any]:
        """Return the payload as JSON rather than text."""
        return dict(json.loads(row.payload))

    @extend_schema_field(AttemptOut(many=True))
    def get_attempts(self, row: Message) -> list[dict[str, Any]]:
        """Return every try, in order."""
        return [dict(AttemptOut(one).data) for one in row.attempts.all()]


class WrittenDeliveryOut(DeliveryOut):
    """A delivery after a write, or as it would be after it."""

    dry_run = DRY_RUN


def with_secret(endpoint: Endpoint, secret: str) -> dict[str, Any]:
    """Return a webhook with its secret as the API shows it, once."""
    return {**WebhookOut(endpoint).data, "secret": secret}
