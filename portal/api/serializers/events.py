"""What is told of a reservation."""

from rest_framework import serializers

from portal.api.fields import InstantField, Text
from portal.api.queries import PageQuery, Query
from portal.api.waiting import MAX_WAIT_S
from portal.operations.models import OperationEvent


class WaitQuery(Query):
    """How long to wait for news."""

    wait = serializers.IntegerField(
        min_value=0, max_value=MAX_WAIT_S, default=0, help_text="Seconds to wait for news before answering."
    )


class EventsQuery(PageQuery, WaitQuery):
    """Which events."""

    after = Text(default="", help_text="Id of the last event that you know.")


class EventOut(serializers.Serializer[OperationEvent]):
    """Something that happened, in plain words."""

    id = serializers.CharField(source="public_id", help_text="`evt_...`")
    type = serializers.CharField(help_text="Stable.")
    at = InstantField(source="created_at")
    message = serializers.CharField()
    actor = serializers.CharField(source="actor_label")
    server = serializers.CharField(source="server.public_id", allow_null=True, default=None)
    hostname = serializers.CharField(allow_blank=True)
    operation = serializers.CharField(source="operation.public_id", allow_null=True, default=None)
    duration_ms = serializers.IntegerField(allow_null=True)
    # A declared field is taken out of the class, so Serializer.data stays what it is.
    data = serializers.DictField(help_text="What fills the message.")  # type: ignore[assignment]
