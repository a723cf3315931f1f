"""The status page for programs."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import InstantField
from portal.api.serializers.choices import choices_of
from portal.api.serializers.incidents import IMPACTS, INCIDENT_STATES, IncidentUpdateOut
from portal.sla.models import Incident, MaintenanceWindow
from portal.sla.status import Component, ComponentState, Day, Status

# Named here, because the OpenAPI description calls it by this name (settings.SPECTACULAR_SETTINGS).
COMPONENT_STATES = choices_of(ComponentState)


class DayOut(serializers.Serializer[Day]):
    """The worst of one day in UTC."""

    day = serializers.DateField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES)


class ComponentOut(serializers.Serializer[Component]):
    """A region, or the portal itself."""

    id = serializers.CharField(source="key", help_text="Id of a region, or `portal`.")
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES)
    days = DayOut(many=True)


class PublicIncidentOut(serializers.Serializer[Incident]):
    """An incident that is for everybody to see."""

    id = serializers.CharField(source="public_id")
    state = serializers.ChoiceField(choices=INCIDENT_STATES)
    title = serializers.CharField()
    impact = serializers.ChoiceField(choices=IMPACTS)
    region = serializers.CharField(source="region.code", allow_null=True, default=None)
    began_at = InstantField()
    resolved_at = InstantField(allow_null=True)
    root_cause = serializers.CharField(allow_blank=True)
    updates = IncidentUpdateOut(many=True)


class PublicMaintenanceOut(serializers.Serializer[MaintenanceWindow]):
    """Maintenance to come."""

    id = serializers.CharField(source="public_id")
    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    region = serializers.CharField(source="region.code")
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")


class StatusOut(serializers.Serializer[Status]):
    """How everything is, and was in the last 90 days."""

    at = InstantField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES)
    components = ComponentOut(many=True)
    incidents = serializers.SerializerMethodField()
    maintenance = PublicMaintenanceOut(many=True)

    def get_incidents(self, row: Status) -> list[dict[str, Any]]:
        """Return open ones first."""
        return [dict(PublicIncidentOut(one).data) for one in (*row.open_incidents, *row.past_incidents)]
