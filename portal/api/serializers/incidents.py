"""Incidents and announced maintenance."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import DRY_RUN, Input, InstantField
from portal.api.serializers.choices import choices_of
from portal.sla.models import Incident, IncidentUpdate, MaintenanceServer
from portal.sla.models.incident import Impact
from portal.sla.states import IncidentState, MaintenanceState

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
INCIDENT_STATES = choices_of(IncidentState)
IMPACTS = choices_of(Impact)
MAINTENANCE_STATES = choices_of(MaintenanceState)


class IncidentUpdateOut(serializers.Serializer[IncidentUpdate]):
    """Something that was said about an incident."""

    at = InstantField()
    state = serializers.ChoiceField(choices=INCIDENT_STATES)
    text = serializers.CharField()


class IncidentOut(serializers.Serializer[Incident]):
    """An incident; of the servers that it touched only your own are named."""

    id = serializers.CharField(source="public_id", help_text="`inc_...`")
    state = serializers.ChoiceField(choices=INCIDENT_STATES)
    title = serializers.CharField()
    impact = serializers.ChoiceField(choices=IMPACTS)
    region = serializers.CharField(source="region.code", allow_null=True, default=None, help_text="Null: the portal.")
    began_at = InstantField()
    resolved_at = InstantField(allow_null=True)
    root_cause = serializers.CharField(allow_blank=True)
    servers = serializers.SerializerMethodField(help_text="Ids of your servers that it touched.")
    updates = IncidentUpdateOut(many=True)

    def get_servers(self, row: Incident) -> list[str]:
        """Return the ids of those that the context names as the tenant's."""
        own = self.context.get("own", frozenset())
        return [touched.server.public_id for touched in row.touched.all() if touched.server_id in own]


class MaintenanceOut(serializers.Serializer[MaintenanceServer]):
    """The turn of one of your servers in announced maintenance."""

    id = serializers.CharField(source="window.public_id", help_text="`mnt_...`")
    state = serializers.ChoiceField(choices=MAINTENANCE_STATES, source="window.state")
    title = serializers.CharField(source="window.title")
    text = serializers.CharField(source="window.text", allow_blank=True)
    region = serializers.CharField(source="window.region.code")
    server = serializers.CharField(source="server.public_id")
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    announced_at = InstantField(source="window.announced_at")
    deferred_at = InstantField(allow_null=True)


class WrittenMaintenanceOut(MaintenanceOut):
    """A turn after it was put off, or as it would be."""

    dry_run = DRY_RUN


class DeferIn(Input[Any]):
    """When instead."""

    starts_at = InstantField(help_text="After the announced start, within the days that the service level allows.")


def turn_document(row: MaintenanceServer) -> dict[str, Any]:
    """Return one turn as the API writes it."""
    return dict(MaintenanceOut(row).data)
