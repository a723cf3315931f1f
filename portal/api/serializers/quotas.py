"""Limits with their use, and requests for more."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import DRY_RUN, Input, InstantField, Text, Whole
from portal.api.queries import PageQuery
from portal.api.serializers.choices import choices_of, found
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import region_called, server_type_called
from portal.quotas.models import QuotaRequest, QuotaScope
from portal.quotas.states import QuotaRequestState
from portal.reservations.quota_check import QuotaUse

# Named here, because the OpenAPI description calls them by these names (settings.SPECTACULAR_SETTINGS).
QUOTA_REQUEST_STATES = choices_of(QuotaRequestState)
QUOTA_SCOPES = choices_of(QuotaScope)


class QuotaOut(serializers.Serializer[QuotaUse]):
    """The most of a server type in a region that the organization, or this project of it, may hold.

    A reservation must fit all limits that name its server type and region. Capacity of a contract counts against none.
    """

    id = serializers.CharField(source="quota.public_id", help_text="`qta_...`")
    scope = serializers.ChoiceField(choices=QUOTA_SCOPES, source="quota.scope", help_text="Whose use it counts.")
    project = serializers.CharField(
        source="quota.project.public_id", allow_null=True, default=None, help_text="Null: the whole organization."
    )
    server_type = serializers.CharField(source="quota.server_type.slug")
    region = serializers.CharField(source="quota.region.code")
    limit = serializers.IntegerField(source="quota.limit", help_text="Servers at one instant.")
    used = serializers.IntegerField(source="servers", help_text="Servers held at this instant.")
    gpu_hours_per_month = serializers.IntegerField(
        source="quota.gpu_hours_per_month", allow_null=True, help_text="Null: no limit."
    )
    gpu_hours_used = serializers.CharField(
        source="gpu_hours", help_text="Decimal string: GPU-hours of `month` that are used or booked."
    )
    month = serializers.CharField(help_text="The present calendar month in UTC, such as `2030-01`.")


class QuotaRequestsQuery(PageQuery):
    """Which requests."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=QUOTA_REQUEST_STATES),
        required=False,
        help_text="May be given several times.",
    )


class QuotaRequestIn(Input[QuotaRequest]):
    """What is asked for. Bounds are left to the service, which names the field and the way out."""

    server_type = Text(help_text="Id of a server type, such as `h100-8x`.")
    region = Text(help_text="Id of a region, such as `eu-north-1`.")
    applies_to = serializers.ChoiceField(
        choices=QUOTA_SCOPES,
        default=QuotaScope.ORGANIZATION.value,
        help_text="Which limit to raise: that of the organization, or that of this project where it has one.",
    )
    limit = Whole(help_text="Servers at one instant; at least as many as are allowed now.")
    gpu_hours_per_month = Whole(
        required=False, allow_null=True, default=None, help_text="GPU-hours in a calendar month. Null: as it is now."
    )
    reason = Text(help_text="What it is for, in at most 1000 characters.")

    def validate_server_type(self, name: str) -> ServerType:
        """Return the server type. Raises ValidationError."""
        return found(server_type_called, name)

    def validate_region(self, name: str) -> Region:
        """Return the region. Raises ValidationError."""
        return found(region_called, name)


class QuotaRequestOut(serializers.Serializer[QuotaRequest]):
    """A request for more quota."""

    id = serializers.CharField(source="public_id", help_text="`qtr_...`")
    state = serializers.ChoiceField(choices=QUOTA_REQUEST_STATES)
    state_reason = serializers.CharField(allow_blank=True, help_text="What was answered.")
    state_changed_at = InstantField()
    applies_to = serializers.ChoiceField(choices=QUOTA_SCOPES)
    project = serializers.CharField(source="project.public_id")
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    limit = serializers.IntegerField()
    gpu_hours_per_month = serializers.IntegerField(allow_null=True)
    granted_limit = serializers.IntegerField(allow_null=True, help_text="Null unless approved.")
    granted_gpu_hours_per_month = serializers.IntegerField(
        allow_null=True, help_text="Null unless approved, and where there is no limit."
    )
    reason = serializers.CharField()
    requested_by = serializers.CharField()
    created_at = InstantField()


class WrittenQuotaRequestOut(QuotaRequestOut):
    """A request after a write, or as it would be after it."""

    dry_run = DRY_RUN


def document_of(request: QuotaRequest) -> dict[str, Any]:
    """Return one request as the API writes it."""
    return dict(QuotaRequestOut(request).data)
